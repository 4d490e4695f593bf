/** The list of classes: colour, name, share, IoU, and how strongly each is shown. */

import { isLight, rgbOf } from "./colors.js";
import { element, swatchOf } from "./elements.js";
import { counted, percent, score } from "./words.js";

export class Legend {
  #place;
  #changed;
  #looks = new Map();
  #rows = new Map();
  #classes = [];

  /** `changed` is told when a class is shown otherwise. */
  constructor(place, changed) {
    this.#place = place;
    this.#changed = changed;
  }

  /** The classes of a model; what was chosen for those of another is forgotten. */
  useClasses(classes) {
    this.#classes = classes;
    this.#looks = new Map(classes.map(({ index }) => [index, { isShown: true, opacity: 1 }]));
  }

  /** Index -> [red, green, blue, opacity 0..1] of the classes that are shown. */
  colors(overall) {
    return this.#classes.map(({ index, color }) => {
      const { isShown, opacity } = this.#looks.get(index);
      return [index, [...rgbOf(color), isShown ? opacity * overall : 0]];
    });
  }

  /** List the classes found, most pixels first, then fold away the others. */
  list(found, scores) {
    const shares = new Map(found.map((row) => [row.index, row.share]));
    const scored = scores && new Map(scores.per_class.map((row) => [row.name, row.iou]));
    const isScored = ({ name }) => (scored?.get(name) ?? null) !== null;
    const isListed = (one) => shares.has(one.index) || isScored(one);
    const listed = this.#classes.filter(isListed);
    listed.sort((one, other) => (shares.get(other.index) ?? 0) - (shares.get(one.index) ?? 0));
    const rest = this.#classes.filter((one) => !isListed(one));
    this.#rows.clear();
    const rowOf = (one) => this.#row(one, shares.get(one.index) ?? 0, scored);
    this.#place.replaceChildren(this.#table(listed.map(rowOf), scored));
    if (rest.length) this.#place.append(folded(this.#table(rest.map(rowOf), scored), rest.length));
  }

  /** Mark the class under the pointer; null: none. */
  point(index) {
    for (const [other, { row }] of this.#rows) row.classList.toggle("here", other === index);
  }

  get isAllHidden() {
    return [...this.#looks.values()].every((look) => !look.isShown);
  }

  showAll(isShown) {
    for (const look of this.#looks.values()) look.isShown = isShown;
    for (const { box } of this.#rows.values()) box.checked = isShown;
    this.#changed();
  }

  #table(rows, scored) {
    const list = element("ul", scored ? "classes scored" : "classes");
    if (scored && rows.length) {
      const head = element("li", "titles");
      head.setAttribute("aria-hidden", "true"); // each row says its own
      const titles = [element("span", "share", "share"), element("span", "iou", "IoU")];
      head.append(element("span"), element("span"), ...titles);
      list.append(head);
    }
    list.append(...rows);
    return list;
  }

  #row({ index, name, color }, share, scored) {
    const look = this.#looks.get(index);
    const row = element("li", "class");
    const label = element("label", "name");
    const box = element("input");
    box.type = "checkbox";
    box.checked = look.isShown;
    box.style.setProperty("--color", color);
    box.style.setProperty("--mark", isLight(color) ? "#000" : "#fff");
    box.addEventListener("change", () => {
      look.isShown = box.checked;
      this.#changed();
    });
    label.append(box, element("span", "text", name));
    row.append(label, this.#slider(name, color, look), element("span", "share", percent(share)));
    if (scored) {
      const iou = element("span", "iou", score(scored.get(name)));
      iou.prepend(element("span", "unseen", "IoU "));
      row.append(iou);
    }
    this.#rows.set(index, { row, box });
    return row;
  }

  #slider(name, color, look) {
    const slider = element("input", "strength");
    slider.type = "range";
    slider.min = "0";
    slider.max = "100";
    slider.value = String(Math.round(100 * look.opacity));
    slider.style.setProperty("--color", color);
    slider.setAttribute("aria-label", `Opacity of ${name}`);
    slider.addEventListener("input", () => {
      look.opacity = slider.valueAsNumber / 100;
      this.#changed();
    });
    return slider;
  }
}

function folded(list, count) {
  const details = element("details", "absent");
  details.append(element("summary", "", `${counted(count, "class", "classes")} not found`), list);
  return details;
}
