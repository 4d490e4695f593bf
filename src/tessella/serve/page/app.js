/** The page: an image in, its classes over it, and what one can do with them. */

import * as api from "./api.js";
import { rgbOf } from "./colors.js";
import { Divider } from "./divider.js";
import { followCamera, followFiles } from "./intake.js";
import { Legend } from "./legend.js";
import { listFacts, oneLineAbout, showKnownClasses } from "./model_facts.js";
import { bytesOf, readGrey, withPalette } from "./png.js";
import { followPointing } from "./pointing.js";
import { Reading } from "./reading.js";
import { nameFor, overlayOf, save } from "./saving.js";
import { View } from "./view.js";
import { counted, megabytes, score } from "./words.js";

const LOADING_SECONDS = 2;

const $ = (id) => document.getElementById(id);

const view = new View($("canvas"));
const divider = new Divider($("divider"), (share) => (view.split = share));
const legend = new Legend($("legend"), repaint);
const reading = new Reading({ line: $("reading"), spoken: $("spoken") });

let offer = null; // what GET /models gave
let shown = null; // {file, image, model, mask, found}; found is null until the answer is there
let listedModel = null; // the one whose classes the legend lists
let job = null; // the AbortController of what is being computed
let again = null; // what to do once more after an error or a key

// ---- the models

async function start() {
  try {
    offer = await api.fetchModels();
  } catch (error) {
    if (error.status === 503) {
      if ($("busy").hidden) beBusy("Waiting for the models to be loaded");
      setTimeout(start, 1000 * LOADING_SECONDS);
    } else report("The models are not known.", error, start);
    return;
  }
  forgetError();
  beIdle();
  say("Ready.");
  const names = offer.models.map(({ name }) => name);
  $("models").replaceChildren(...names.map((name) => new Option(name, name)));
  $("models").value = offer.default;
  $("models").hidden = $("model-label").hidden = names.length < 2;
  $("model-name").hidden = names.length > 1;
  $("taken").textContent = `JPEG, PNG, WebP, TIFF or BMP, up to ${megabytes(offer.limits.max_bytes)}`;
  introduce(chosenModel());
}

function chosenModel() {
  return offer.models.find(({ name }) => name === $("models").value);
}

function introduce(model) {
  $("model-name").textContent = model.name;
  $("model-about").textContent = oneLineAbout(model);
  listFacts($("facts"), model);
  showKnownClasses($("known-classes"), model.classes);
}

// ---- an image and its classes

/** Compute the classes of an image and show them; whatever was being computed is given up. */
async function compute({ file, mask }) {
  const model = offer && chosenModel();
  const title = `${file.name} was not segmented.`;
  again = () => compute({ file, mask });
  if (!model) {
    report(title, new Error("The models are not there yet."), again);
    return;
  }
  job?.abort();
  job = new AbortController();
  const { signal } = job;
  forgetError();
  const size = file.size + (mask?.size ?? 0);
  if (size > offer.limits.max_bytes) {
    const most = megabytes(offer.limits.max_bytes);
    const text = `It has ${megabytes(size)}; this server takes up to ${most}. Scale it down.`;
    report(title, new Error(text), null);
    return;
  }
  beBusy(`Computing the classes of ${file.name}`);
  try {
    const image = shown?.file === file ? shown.image : await drawable(file);
    if (signal.aborted) return;
    if (image && shown?.file !== file) showImage({ file, image, model });
    const answer = await api.predict(model, { image: file, mask, signal });
    const found = await unpack(answer);
    if (!signal.aborted) showFound({ file, image, model, mask, found });
  } catch (error) {
    if (!signal.aborted) report(title, error, again);
  } finally {
    if (job.signal === signal) beIdle();
  }
}

/** The image as the browser draws it, turned as its EXIF data say; null for a kind it cannot. */
async function drawable(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    return null;
  }
}

async function unpack(answer) {
  const png = bytesOf(answer.mask);
  const values = async (base64) => (base64 ? (await readGrey(bytesOf(base64))).values : null);
  const { width, height, values: classMap } = await readGrey(png);
  return {
    ...{ answer, png, width, height, classMap },
    confidence: await values(answer.confidence),
    truth: await values(answer.truth),
  };
}

function showImage({ file, image, model }) {
  shown = { file, image, model, mask: null, found: null };
  document.body.dataset.state = "picture";
  $("file-name").textContent = file.name;
  $("work").hidden = false;
  reading.forget();
  view.show({ width: image.width, height: image.height, image, left: null, right: null });
}

function showFound(next) {
  shown = next;
  const { file, image, model, mask, found } = shown;
  if (listedModel !== model) legend.useClasses(model.classes);
  listedModel = model;
  document.body.dataset.state = "done";
  $("file-name").textContent = file.name;
  $("work").hidden = false;
  const fits = image && image.width === found.width && image.height === found.height;
  $("note").hidden = Boolean(fits);
  $("note").textContent = image
    ? "The browser reads this image at another size than the server; its classes stand alone."
    : "This browser cannot draw this kind of image; its classes stand alone.";
  legend.list(found.answer.classes, found.answer.scores);
  reading.use({ ...found, classes: model.classes });
  showTruth(mask, found.answer.scores);
  view.show({
    ...{ width: found.width, height: found.height, image: fits ? image : null },
    ...{ left: found.truth, right: found.classMap },
  });
  repaint();
  const number = counted(found.answer.classes.length, "class", "classes");
  say(`${file.name}: ${number} found.`);
}

function showTruth(mask, scores) {
  const left = mask ? "Truth" : "Image";
  $("left-side").textContent = left;
  $("right-side").textContent = "Prediction";
  divider.name(left.toLowerCase(), "prediction");
  $("scores").hidden = !scores;
  $("drop-mask").hidden = !mask;
  $("choose-mask").textContent = mask ? "Another mask" : "Add a mask";
  $("truth-about").textContent = mask
    ? `The true mask is ${mask.name}.`
    : "Add the true mask of this image to see both, and the IoU of each class.";
  if (scores) {
    $("mean-iou").textContent = score(scores.mean_iou);
    $("accuracy").textContent = score(scores.pixel_accuracy);
  }
}

function repaint() {
  view.paint(legend.colors($("overall").valueAsNumber / 100));
  $("overall-value").textContent = `${$("overall").value} %`;
  $("toggle-all").textContent = legend.isAllHidden ? "Show all" : "Hide all";
}

// ---- what the page says

function say(text) {
  $("status").textContent = text;
}

let clock = null;

function beBusy(text) {
  beIdle();
  const began = performance.now();
  const tick = () => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    $("busy-text").textContent = seconds ? `${text}: ${seconds} s` : text;
  };
  tick();
  clock = setInterval(tick, 1000);
  $("busy").hidden = false;
  document.body.setAttribute("aria-busy", "true");
  say(text);
}

function beIdle() {
  clearInterval(clock);
  $("busy").hidden = true;
  document.body.removeAttribute("aria-busy");
}

let wasKeyGiven = false;

/** Say what failed; `retry` does it once more, null where that would not help. */
function report(title, error, retry) {
  if (error.status === 401) {
    again = retry;
    $("key-form").hidden = false;
    $("key").focus();
    if (!wasKeyGiven) return;
    title = "The key was not accepted.";
  }
  $("error-title").textContent = title;
  $("error-text").textContent = error.message;
  $("retry").hidden = !(retry && error.mayPass);
  again = retry;
  $("error").hidden = false;
}

function forgetError() {
  $("error").hidden = true;
}

// ---- what a person does

followFiles(
  { button: $("choose"), input: $("file"), veil: $("veil") },
  { taken: (file) => compute({ file, mask: null }), refused: refuse },
);
followCamera(
  {
    ...{ button: $("use-camera"), dialog: $("camera"), video: $("video") },
    ...{ shoot: $("shoot"), close: $("camera-close") },
  },
  { taken: (file) => compute({ file, mask: null }), refused: refuse },
);
followPointing($("canvas"), view, (pixel, isByKey) => {
  legend.point(reading.read(pixel, { isByKey }));
});

function refuse(title, message) {
  report(title, new Error(message), null);
}

$("models").addEventListener("change", () => {
  introduce(chosenModel());
  if (shown) compute(shown);
});
$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  api.useKey($("key").value);
  wasKeyGiven = true;
  $("key").value = "";
  $("key-form").hidden = true;
  (again ?? start)();
});
$("retry").addEventListener("click", () => again?.());
$("dismiss").addEventListener("click", forgetError);
$("cancel").addEventListener("click", () => {
  job?.abort();
  beIdle();
  report("Cancelled.", { message: "Nothing was computed.", mayPass: true }, again);
});
$("overall").addEventListener("input", repaint);
$("toggle-all").addEventListener("click", () => legend.showAll(legend.isAllHidden));
$("zoom-in").addEventListener("click", () => view.zoomIn());
$("zoom-out").addEventListener("click", () => view.zoomOut());
$("zoom-fit").addEventListener("click", () => view.fit());
$("choose-mask").addEventListener("click", () => $("mask-file").click());
$("mask-file").addEventListener("change", () => {
  const mask = $("mask-file").files[0];
  $("mask-file").value = "";
  if (mask && shown) compute({ file: shown.file, mask });
});
$("drop-mask").addEventListener("click", () => compute({ file: shown.file, mask: null }));
window.addEventListener("resize", () => view.layOut());

// ---- what a person keeps

function saves(id, ending, makeBlob) {
  $(id).addEventListener("click", async () => {
    const { file } = shown;
    $(id).disabled = true;
    try {
      save(await makeBlob(shown), nameFor(file.name, ending));
      say(`${nameFor(file.name, ending)} saved.`);
    } catch (error) {
      report("The file was not saved.", error, () => $(id).click());
    } finally {
      $(id).disabled = false;
    }
  });
}

saves("save-mask", "mask.png", ({ found, model }) => {
  const colors = Array.from({ length: 256 }, () => [0, 0, 0]);
  for (const { index, color } of model.classes) colors[index] = rgbOf(color);
  return withPalette(found.png, colors);
});
saves("save-overlay", "overlay.png", ({ image, found }) =>
  overlayOf({ ...found, image }, legend.colors($("overall").valueAsNumber / 100)),
);
saves("save-polygons", "polygons.geojson", ({ file, model }) =>
  api.fetchPolygons(model, { image: file }),
);

start();
