/** Numbers as people read them. */

/** A share of pixels, never rounded down to nothing. */
export function percent(share) {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}

/** A score 0..1, or a dash where it is undefined. */
export function score(value) {
  return value === null || value === undefined ? "–" : value.toFixed(3);
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** "1 class", "3 classes". */
export function counted(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}
