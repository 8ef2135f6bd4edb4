// How far each vertebra, and the whole result, can be trusted.
import { byId, html, show } from "./dom.js";

const FLAGS = {
  ok: ["good", "Good", "The images support this reconstruction."],
  review: ["warn", "Review", "Usable, but a person should look at it first."],
  bad: ["bad", "Poor", "Do not rely on this reconstruction."],
};

const COLUMNS = [
  ["Image residual", "Mean absolute difference between the projected model and the network's picture of this vertebra, 0 to 1", (q) => q.image_residual.toFixed(3)],
  ["Ray distance", "RMS distance between the two rays of the seven landmarks", (q) => `${q.ray_residual_mm.toFixed(1)} mm`],
  ["Overlap", "Dice of fitted and detected silhouettes, mean of both views", (q) => q.overlap_dice.toFixed(2)],
  ["Surface error", "RMS standard error of the surface, from the posterior of the fit", (q) => `${q.surface_sigma_mm.toFixed(2)} mm`],
];

function pill(flag, prefix = "") {
  const [style, label, meaning] = FLAGS[flag];
  return html("span", { class: `pill ${style}`, title: meaning }, prefix + label);
}

function words(code) {
  return code.replaceAll("_", " ");
}

export function showOverallQuality(flag) {
  const place = byId("overall-quality");
  place.replaceChildren(pill(flag, "Quality: "));
  show(place);
}

export function showQuality(levels, display) {
  const head = ["Vertebra", "Quality", ...COLUMNS.map(([label]) => label), "Reasons"];
  const meanings = [null, null, ...COLUMNS.map(([, meaning]) => meaning), null];
  byId("quality").replaceChildren(
    html(
      "table",
      { class: "quality" },
      html("thead", {}, html("tr", {}, head.map((label, i) => html("th", { scope: "col", title: meanings[i] }, label)))),
      html("tbody", {}, levels.map((level) => qualityRow(level, display))),
    ),
  );
}

function qualityRow({ level, quality }, display) {
  const reasons = quality.reasons.length > 0 ? quality.reasons.map(words).join(", ") : "none";
  return html(
    "tr",
    { onmouseenter: () => display.mark([level]), onmouseleave: () => display.mark([]) },
    html("th", { scope: "row" }, html("span", { class: "swatch", "data-level": level }), level),
    html("td", {}, pill(quality.flag)),
    COLUMNS.map(([label, , value]) => html("td", { class: "number", "data-label": label }, value(quality))),
    html("td", { class: "reasons" }, reasons),
  );
}

export function showNotes(notes) {
  byId("notes").replaceChildren(...notes.map((note) => html("li", {}, words(note))));
  show(byId("notes"), notes.length > 0);
}
