/** Talking to the server: models, predictions, polygons, and errors in its own words. */

const STORED_KEY = "tessella-api-key";

let key = stored();

/** An answer that is no success; `status` 0 where there was no answer at all. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether the same request may work a little later. */
  get mayPass() {
    return [0, 408, 429, 500, 503, 504].includes(this.status);
  }
}

/** Send this key from now on; it is forgotten with the tab. */
export function useKey(given) {
  key = given;
  try {
    sessionStorage.setItem(STORED_KEY, given);
  } catch {
    // a browser that stores nothing asks again after a reload
  }
}

/** What the server offers: {default, models, limits}. */
export async function fetchModels() {
  return (await ask("models", { accept: "application/json" })).json();
}

/** The document about an image: classes, their shares, and pictures as base64. */
export async function predict(model, { image, mask, signal }) {
  const include = ["mask", ...(model.has_probabilities ? ["confidence"] : [])];
  const query = include.map((name) => `include=${name}`).join("&");
  const path = `models/${encodeURIComponent(model.name)}/predict?${query}`;
  const body = formOf({ image, mask });
  return (await ask(path, { accept: "application/json", body, signal })).json();
}

/** The regions of an image as a GeoJSON file. */
export async function fetchPolygons(model, { image, signal }) {
  const path = `models/${encodeURIComponent(model.name)}/predict`;
  const body = formOf({ image });
  return (await ask(path, { accept: "application/geo+json", body, signal })).blob();
}

function formOf({ image, mask }) {
  const form = new FormData();
  // without a type: browsers take it from the file's ending, the server from the file itself
  form.append("image", new Blob([image]), "image");
  if (mask) form.append("mask", new Blob([mask]), "mask");
  return form;
}

async function ask(path, { accept, body, signal }) {
  const headers = { Accept: accept };
  if (key) headers["X-API-Key"] = key;
  let response;
  try {
    response = await fetch(path, { method: body ? "POST" : "GET", headers, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached, or the file cannot be read any more.");
  }
  if (!response.ok) throw new ApiError(response.status, await messageOf(response));
  return response;
}

async function messageOf(response) {
  try {
    const { error } = await response.json();
    if (typeof error.message === "string") return error.message;
  } catch {
    // a proxy in between answers in its own way
  }
  return `The server answered with status ${response.status}.`;
}

function stored() {
  try {
    return sessionStorage.getItem(STORED_KEY);
  } catch {
    return null;
  }
}
