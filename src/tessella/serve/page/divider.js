/** The handle between the two sides of the picture, moved by mouse, touch or keyboard. */

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

export class Divider {
  #handle;
  #moved;
  #percent = 50;

  /** `moved` is told the place, 0..1 of the stage, at once and on each move. */
  constructor(handle, moved) {
    this.#handle = handle;
    this.#moved = moved;
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.focus();
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const stage = handle.parentElement.getBoundingClientRect();
      this.place((100 * (event.clientX - stage.left)) / stage.width);
    });
    handle.addEventListener("keydown", (event) => this.#followKey(event));
    this.place(this.#percent);
  }

  /** Say what lies on the two sides. */
  name(left, right) {
    this.#handle.setAttribute("aria-label", `Divider between ${left} and ${right}`);
  }

  place(percent) {
    this.#percent = Math.min(100, Math.max(0, percent));
    this.#handle.style.left = `${this.#percent}%`;
    this.#handle.setAttribute("aria-valuenow", String(Math.round(this.#percent)));
    this.#handle.setAttribute("aria-valuetext", `${Math.round(this.#percent)} percent`);
    this.#moved(this.#percent / 100);
  }

  #followKey(event) {
    const ends = { Home: 0, End: 100 };
    const place = event.key in STEPS ? this.#percent + STEPS[event.key] : ends[event.key];
    if (place === undefined) return;
    event.preventDefault();
    this.place(place);
  }
}
