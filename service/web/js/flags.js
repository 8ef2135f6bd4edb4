// @ts-check
// How far a single number can be trusted, as a small mark with its explanation.
import { html } from "./dom.js";

export const FLAGS = {
  model_based: ["model", "The images say little about this: the value comes mostly from the shape model."],
  low_confidence: ["unsure", "Low confidence: a vertebra that it is measured on fits the images poorly."],
};

export function flag(measurement) {
  if (measurement.flag === "ok") return null;
  const [label, meaning] = FLAGS[measurement.flag];
  return html("span", { class: "flag", title: meaning }, label);
}
