/** Making elements; text that came from elsewhere only ever becomes text. */

export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** A small square in a class's colour. */
export function swatchOf(color) {
  const swatch = element("span", "swatch");
  swatch.style.backgroundColor = color;
  return swatch;
}
