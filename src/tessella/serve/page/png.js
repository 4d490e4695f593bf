/**
 * 8-bit grey PNG files, byte for byte.
 *
 * A canvas would do for pictures to look at. Here a grey value is a class index: a browser that
 * blurs canvas read-outs against fingerprinting, or has a largest canvas, must not change one.
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;
const PALETTE = 3;

/** The bytes that base64 text stands for. */
export function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
  return bytes;
}

/** Width, height and values (row by row) of a grey PNG. */
export async function readGrey(png) {
  const chunks = [...chunksOf(png)];
  const header = chunks.find((chunk) => chunk.name === "IHDR")?.data;
  if (!header || header[8] !== 8 || header[9] !== GREY || header[12] !== 0) {
    throw new Error("the server sent a mask that is no 8-bit grey PNG.");
  }
  const view = new DataView(header.buffer, header.byteOffset);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  const packed = chunks.filter((chunk) => chunk.name === "IDAT").map((chunk) => chunk.data);
  const stream = new Blob(packed).stream().pipeThrough(new DecompressionStream("deflate"));
  const lines = new Uint8Array(await new Response(stream).arrayBuffer());
  if (lines.length !== height * (width + 1)) {
    throw new Error("the server sent a mask that is cut short.");
  }
  return { width, height, values: unfiltered(lines, width, height) };
}

/** The same PNG with a colour for each value: a Blob that programs and people can read. */
export function withPalette(png, colors) {
  const parts = [png.subarray(0, SIGNATURE.length)];
  const palette = new Uint8Array(colors.length * 3);
  colors.forEach((color, index) => palette.set(color, index * 3));
  for (const { name, data, whole } of chunksOf(png)) {
    if (name !== "IHDR") {
      parts.push(whole);
      continue;
    }
    const header = data.slice();
    header[9] = PALETTE;
    parts.push(chunk("IHDR", header), chunk("PLTE", palette));
  }
  return new Blob(parts, { type: "image/png" });
}

function* chunksOf(png) {
  if (SIGNATURE.some((byte, place) => png[place] !== byte)) {
    throw new Error("the server sent a mask that is no PNG.");
  }
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let start = SIGNATURE.length;
  while (start + 12 <= png.length) {
    const length = view.getUint32(start);
    const name = String.fromCharCode(...png.subarray(start + 4, start + 8));
    const end = start + 12 + length;
    yield { name, data: png.subarray(start + 8, end - 4), whole: png.subarray(start, end) };
    start = end;
  }
}

/** Values of lines that each begin with the number of their filter (PNG, section 9). */
function unfiltered(lines, width, height) {
  const values = new Uint8Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const line = row * (width + 1);
    const start = row * width;
    const filter = lines[line];
    for (let column = 0; column < width; column += 1) {
      const place = start + column;
      const left = column ? values[place - 1] : 0;
      const above = row ? values[place - width] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = above;
      else if (filter === 3) guess = (left + above) >> 1;
      else if (filter === 4) guess = paeth(left, above, row && column ? values[place - width - 1] : 0);
      values[place] = lines[line + 1 + column] + guess;
    }
  }
  return values;
}

function paeth(left, above, corner) {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

function chunk(name, data) {
  const whole = new Uint8Array(data.length + 12);
  const view = new DataView(whole.buffer);
  view.setUint32(0, data.length);
  for (let place = 0; place < 4; place += 1) whole[4 + place] = name.charCodeAt(place);
  whole.set(data, 8);
  view.setUint32(data.length + 8, checksum(whole.subarray(4, data.length + 8)));
  return whole;
}

/** CRC-32 as PNG has it. */
function checksum(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}
