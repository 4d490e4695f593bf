/** Mouse, fingers and keys on the picture: reading pixels, zooming, moving. */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Follow what a person does on the canvas of a view.
 *
 * `read` is told the pixel {x, y}, or null beside the image; and whether keys led there.
 */
export function followPointing(canvas, view, read) {
  const fingers = new Map();
  const place = (event) => {
    const stage = canvas.getBoundingClientRect();
    return { x: event.clientX - stage.left, y: event.clientY - stage.top };
  };

  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    view.hideCursor();
    read(view.pixelAt(place(event)), false);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    const before = fingers.get(event.pointerId);
    if (before) {
      moveOrPinch(view, [...fingers.values()], { before, at });
      fingers.set(event.pointerId, at);
    }
    if (fingers.size < 2) read(view.pixelAt(at), false);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  canvas.addEventListener("pointerleave", () => read(null, false));
  canvas.addEventListener(
    "wheel",
    (event) => {
      // the plain wheel scrolls the page; a pinch on a touch pad comes with ctrlKey
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      view.zoom(Math.exp(-event.deltaY / 200), place(event));
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      read(view.moveCursor(...ARROWS[event.key], { far: event.shiftKey }), true);
    } else if (event.key === "+" || event.key === "=") view.zoomIn();
    else if (event.key === "-") view.zoomOut();
    else if (event.key === "0") view.fit();
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => view.hideCursor());
}

function moveOrPinch(view, fingers, { before, at }) {
  if (fingers.length === 1) {
    view.pan(at.x - before.x, at.y - before.y);
    return;
  }
  if (fingers.length > 2) return;
  const other = fingers.find((finger) => finger !== before);
  const apart = (one) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
  const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
  view.zoom(apart(at) / apart(before), middle);
  view.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
}
