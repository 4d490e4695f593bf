/**
 * The picture on its canvas: the image below, the classes' colours above, a divider in between.
 *
 * Colours are laid over what is seen, pixel of the screen by pixel of the screen, so each pixel of
 * the image keeps sharp borders at any zoom and a large image costs no more than a small one.
 */

import { pixelTable } from "./colors.js";

const MOST_ZOOM = 48; // device pixels to one of the image
const STEP = 1.5;
const LEAST_SIDE = 140; // CSS pixels of the stage, however narrow the image

export class View {
  #canvas;
  #context;
  #picture = null;
  #colors = pixelTable([]);
  #layers = { left: document.createElement("canvas"), right: document.createElement("canvas") };
  #isStale = true;
  #isWaiting = false;
  #scale = 1;
  #left = 0;
  #top = 0;
  #split = 0;
  #cursor = null;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  /**
   * Show {width, height, image, left, right}: the image may be null, each side is the class indices
   * laid over it, or null for the bare image.
   */
  show(picture) {
    const isAnother =
      this.#picture?.width !== picture.width || this.#picture?.height !== picture.height;
    this.#picture = picture;
    if (isAnother) this.#cursor = null;
    this.layOut({ refit: isAnother });
  }

  /** The colours of the classes, see `pixelTable`. */
  paint(colors) {
    this.#colors = pixelTable(colors);
    this.#restart();
  }

  /** Where the sides meet, 0..1 of the stage. */
  set split(share) {
    this.#split = share;
    this.#redraw();
  }

  /** Fit the stage to the room that there is. */
  layOut({ refit = false } = {}) {
    const stage = this.#canvas.parentElement;
    const room = stage.parentElement.clientWidth;
    if (!this.#picture || !room) return; // a window can be folded to nothing
    const most = Math.max(240, 0.72 * window.innerHeight);
    const { width, height } = this.#picture;
    const scale = Math.min(room / width, most / height);
    const shownWidth = Math.min(room, Math.max(LEAST_SIDE, Math.round(width * scale)));
    const shownHeight = Math.max(LEAST_SIDE, Math.round(height * scale));
    stage.style.width = `${shownWidth}px`;
    stage.style.height = `${shownHeight}px`;
    const wasFit = this.isFit;
    this.#canvas.width = Math.round(shownWidth * window.devicePixelRatio);
    this.#canvas.height = Math.round(shownHeight * window.devicePixelRatio);
    if (refit || wasFit) this.fit();
    else this.#place(this.#left, this.#top);
    this.#draw(); // at once: a canvas of a new size is blank
  }

  /** The whole image, as large as the stage allows. */
  fit() {
    this.#scale = this.#fitScale;
    this.#place(0, 0);
  }

  get isFit() {
    return !this.#picture || this.#scale <= this.#fitScale;
  }

  /** Zoom by a factor around a point of the stage in CSS pixels (its middle unless given). */
  zoom(factor, at = null) {
    const ratio = window.devicePixelRatio;
    const x = at ? at.x * ratio : this.#canvas.width / 2;
    const y = at ? at.y * ratio : this.#canvas.height / 2;
    const least = this.#fitScale;
    const scale = Math.min(Math.max(MOST_ZOOM, least), Math.max(least, this.#scale * factor));
    const grown = scale / this.#scale;
    this.#scale = scale;
    this.#place(x - (x - this.#left) * grown, y - (y - this.#top) * grown);
  }

  zoomIn() {
    this.zoom(STEP);
  }

  zoomOut() {
    this.zoom(1 / STEP);
  }

  /** Move the image by CSS pixels. */
  pan(dx, dy) {
    const ratio = window.devicePixelRatio;
    this.#place(this.#left + dx * ratio, this.#top + dy * ratio);
  }

  /** The pixel of the image under a point of the stage in CSS pixels; null beside the image. */
  pixelAt({ x, y }) {
    if (!this.#picture) return null;
    const ratio = window.devicePixelRatio;
    const column = Math.floor((x * ratio - this.#left) / this.#scale);
    const row = Math.floor((y * ratio - this.#top) / this.#scale);
    const { width, height } = this.#picture;
    const isInside = column >= 0 && row >= 0 && column < width && row < height;
    return isInside ? { x: column, y: row } : null;
  }

  /** Move the cursor by pixels of the image, or by a tenth of what is seen; gives where it is. */
  moveCursor(dx, dy, { far = false } = {}) {
    const { width, height } = this.#picture;
    const { x, y } = this.#cursor ?? { x: width >> 1, y: height >> 1 };
    const seen = Math.min(this.#canvas.width, this.#canvas.height) / this.#scale;
    const step = far ? Math.max(2, Math.round(seen / 10)) : 1;
    const start = this.#cursor ? step : 0; // the first key only shows where it is
    this.#cursor = {
      x: Math.min(width - 1, Math.max(0, x + start * dx)),
      y: Math.min(height - 1, Math.max(0, y + start * dy)),
    };
    this.#reveal(this.#cursor);
    return this.#cursor;
  }

  hideCursor() {
    this.#cursor = null;
    this.#redraw();
  }

  get #fitScale() {
    const { width, height } = this.#picture;
    return Math.min(this.#canvas.width / width, this.#canvas.height / height);
  }

  #reveal({ x, y }) {
    const margin = 16 * window.devicePixelRatio;
    const shift = (at, length) => Math.max(0, margin - at) - Math.max(0, at - (length - margin));
    const { width, height } = this.#canvas;
    const dx = shift(this.#left + (x + 0.5) * this.#scale, width);
    const dy = shift(this.#top + (y + 0.5) * this.#scale, height);
    this.#place(this.#left + dx, this.#top + dy);
  }

  /** Put the image's corner here in device pixels, or where the image still fills the stage. */
  #place(left, top) {
    const bounded = (start, room, length) =>
      Math.round(length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, start)));
    this.#left = bounded(left, this.#canvas.width, this.#picture.width * this.#scale);
    this.#top = bounded(top, this.#canvas.height, this.#picture.height * this.#scale);
    // at its full size one finger scrolls the page; enlarged, it moves the image
    this.#canvas.style.touchAction = this.isFit ? "pan-y" : "none";
    this.#restart();
  }

  #restart() {
    this.#isStale = true;
    this.#redraw();
  }

  #redraw() {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    requestAnimationFrame(() => {
      this.#isWaiting = false;
      if (this.#picture) this.#draw();
    });
  }

  #draw() {
    const { width, height } = this.#canvas;
    const context = this.#context;
    const { image, left, right } = this.#picture;
    if (this.#isStale) {
      if (left) this.#color(this.#layers.left, left);
      if (right) this.#color(this.#layers.right, right);
      this.#isStale = false;
    }
    context.clearRect(0, 0, width, height);
    if (image) {
      context.imageSmoothingEnabled = this.#scale < 2;
      context.imageSmoothingQuality = "high";
      const shown = [this.#picture.width * this.#scale, this.#picture.height * this.#scale];
      context.drawImage(image, this.#left, this.#top, ...shown);
    }
    const split = Math.round(this.#split * width);
    if (left) this.#drawPart(this.#layers.left, 0, split);
    if (right) this.#drawPart(this.#layers.right, split, width);
    if (this.#cursor) this.#drawCursor();
  }

  #drawPart(layer, start, end) {
    if (end <= start) return;
    const part = [start, 0, end - start, this.#canvas.height];
    this.#context.drawImage(layer, ...part, ...part);
  }

  /** Each class's colour over what is seen of the image, on a canvas of the stage's size. */
  #color(layer, classMap) {
    const { width, height } = this.#canvas;
    const pixels = new ImageData(width, height);
    const colors = new Uint32Array(pixels.data.buffer);
    const columns = this.#shownPixels(width, this.#left, this.#picture.width);
    const rows = this.#shownPixels(height, this.#top, this.#picture.height);
    for (let y = 0; y < height; y += 1) {
      if (rows[y] < 0) continue;
      const line = rows[y] * this.#picture.width;
      const start = y * width;
      for (let x = 0; x < width; x += 1) {
        if (columns[x] >= 0) colors[start + x] = this.#colors[classMap[line + columns[x]]];
      }
    }
    layer.width = width;
    layer.height = height;
    layer.getContext("2d").putImageData(pixels, 0, 0);
  }

  /** For each place along a side of the stage the image's row or column; -1 beside the image. */
  #shownPixels(room, start, length) {
    return Int32Array.from({ length: room }, (_, place) => {
      const pixel = Math.floor((place + 0.5 - start) / this.#scale);
      return pixel < 0 || pixel >= length ? -1 : pixel;
    });
  }

  #drawCursor() {
    const context = this.#context;
    const ratio = window.devicePixelRatio;
    const half = Math.max(this.#scale / 2, 5 * ratio);
    const x = this.#left + (this.#cursor.x + 0.5) * this.#scale;
    const y = this.#top + (this.#cursor.y + 0.5) * this.#scale;
    for (const [color, thickness] of [["#000", 5], ["#fff", 2]]) {
      context.strokeStyle = color;
      context.lineWidth = thickness * ratio;
      context.strokeRect(x - half, y - half, 2 * half, 2 * half);
    }
  }
}
