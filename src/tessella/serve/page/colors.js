/** Colours of classes, for style sheets and for pixels. */

/** [red, green, blue] of "#rrggbb". */
export function rgbOf(color) {
  return [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
}

/**
 * The pixel for each class index as ImageData holds it; indices that are not given are clear.
 *
 * `colors` are pairs of an index and [red, green, blue, opacity 0..1].
 */
export function pixelTable(colors) {
  const table = new Uint32Array(256);
  const bytes = new Uint8ClampedArray(table.buffer);
  for (const [index, [red, green, blue, opacity]] of colors) {
    bytes.set([red, green, blue, Math.round(255 * opacity)], 4 * index);
  }
  return table;
}

/** Whether a black mark on the colour is seen better than a white one (WCAG's luminance). */
export function isLight(color) {
  const [red, green, blue] = rgbOf(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}
