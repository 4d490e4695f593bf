/** The line that says what lies under the pointer or the keyboard's cursor. */

import { element, swatchOf } from "./elements.js";

const IGNORED = 255;

export class Reading {
  #line;
  #spoken;
  #hint;
  #found = null;

  constructor({ line, spoken }) {
    this.#line = line;
    this.#spoken = spoken;
    this.#hint = [...line.childNodes];
  }

  /** Read from {width, classMap, confidence, truth, classes} from now on. */
  use(found) {
    const byIndex = new Map(found.classes.map((one) => [one.index, one]));
    this.#found = { ...found, byIndex };
    this.#clear();
  }

  forget() {
    this.#found = null;
    this.#clear();
  }

  /** Say what is at a pixel {x, y}, or nothing; gives the class index there, or null. */
  read(pixel, { isByKey }) {
    if (!pixel || !this.#found) {
      this.#clear();
      return null;
    }
    const place = pixel.y * this.#found.width + pixel.x;
    const index = this.#found.classMap[place];
    const { name, color } = this.#found.byIndex.get(index);
    const words = [element("strong", "", name)];
    if (this.#found.confidence) words.push(element("span", "", this.#certainty(place)));
    if (this.#found.truth) words.push(this.#verdict(index, this.#found.truth[place]));
    words.push(element("span", "muted", `x ${pixel.x}, y ${pixel.y}`));
    this.#line.replaceChildren(swatchOf(color), ...words);
    if (isByKey) this.#spoken.textContent = words.map((word) => word.textContent).join(", ");
    return index;
  }

  #certainty(place) {
    return `${Math.round((100 * this.#found.confidence[place]) / 255)} %`;
  }

  #verdict(index, truth) {
    if (truth === IGNORED) return element("span", "muted", "ignored in the truth");
    if (truth === index) return element("span", "right", "✓ right");
    return element("span", "mistake", `✗ truly ${this.#found.byIndex.get(truth)?.name ?? truth}`);
  }

  #clear() {
    this.#line.replaceChildren(...this.#hint);
  }
}
