/** What the server says of a model, in words. */

import { element, swatchOf } from "./elements.js";
import { score } from "./words.js";

const ENGINES = {
  torch: "PyTorch",
  "torch-export": "PyTorch export",
  onnx: "ONNX Runtime",
  openvino: "OpenVINO",
};

/** "ONNX Runtime, fp32, cpu, 2 threads". */
export function oneLineAbout(model) {
  return [ENGINES[model.engine] ?? model.engine, model.precision, model.where].join(" · ");
}

/** Rows of a description list. */
export function listFacts(list, model) {
  const facts = {
    Classes: String(model.classes.length),
    Engine: ENGINES[model.engine] ?? model.engine,
    Precision: model.precision,
    Device: model.where,
    "Image size": model.size ? `tiles of ${model.size[1]} × ${model.size[0]} pixels` : "any",
    Licence: model.licence ?? "not stated",
  };
  for (const [name, value] of Object.entries(model.validation ?? {})) {
    if (typeof value !== "number") continue;
    const shown = Number.isInteger(value) ? String(value) : score(value);
    facts[`Validation: ${name.replaceAll("_", " ")}`] = shown;
  }
  list.replaceChildren(
    ...Object.entries(facts).map(([name, value]) => {
      const row = element("div");
      row.append(element("dt", "", name), element("dd", "", value));
      return row;
    }),
  );
}

/** The classes of a model with their colours. */
export function showKnownClasses(list, classes) {
  list.replaceChildren(
    ...classes.map(({ name, color }) => {
      const item = element("li");
      item.append(swatchOf(color), element("span", "", name));
      return item;
    }),
  );
}
