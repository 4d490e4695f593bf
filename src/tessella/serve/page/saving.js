/** Files to keep: the mask, what is seen, and the polygons. */

import { pixelTable } from "./colors.js";

/** Hand a blob to the browser as a download. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // the browser reads the blob after this turn; a minute is plenty and frees it all the same
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** `photo.jpg`, "mask.png" -> `photo_mask.png`. */
export function nameFor(fileName, ending) {
  const dot = fileName.lastIndexOf(".");
  return `${dot > 0 ? fileName.slice(0, dot) : fileName}_${ending}`;
}

/** The image with its colours as they are shown, at its full size, as PNG. */
export async function overlayOf({ image, width, height, classMap }, colors) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const table = pixelTable(colors);
  if (image) context.drawImage(image, 0, 0);
  const pixels = new ImageData(width, height);
  const shown = new Uint32Array(pixels.data.buffer);
  for (let place = 0; place < shown.length; place += 1) shown[place] = table[classMap[place]];
  context.drawImage(await createImageBitmap(pixels), 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) {
    throw new Error("The image is larger than this browser draws; save the mask instead.");
  }
  return blob;
}
