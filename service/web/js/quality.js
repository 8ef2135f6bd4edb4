// @ts-check
// How far each vertebra, and the whole result, can be trusted.
import { byId, html, show } from "./dom.js";
import { noteText, reasonText } from "./wording.js";

const FLAGS = {
  ok: ["good", "Good", "The images support this reconstruction."],
  review: ["warn", "Review", "Usable, but a person should look at it first."],
  bad: ["bad", "Poor", "Do not rely on this reconstruction."],
};

const COLUMNS = [
  [
    "image_residual",
    "Image residual",
    3,
    "",
    "Mean absolute difference of projected model and the network's picture of this vertebra, 0 to 1, worse view",
  ],
  ["ray_residual_mm", "Ray distance", 1, " mm", "RMS distance between the two rays of its landmarks"],
  ["overlap_dice", "Overlap", 2, "", "Dice coefficient of fitted and detected silhouette, worse view"],
  ["surface_sigma_mm", "Surface error", 2, " mm", "RMS standard error of the surface, from the posterior of the fit"],
];

function pill(flag, prefix = "") {
  const [style, label, meaning] = FLAGS[flag];
  return html("span", { class: `pill ${style}`, title: meaning }, prefix + label);
}

export function showOverallQuality(flag) {
  const place = byId("overall-quality");
  place.replaceChildren(pill(flag, "Quality: "));
  show(place);
}

export function showQuality(levels, display) {
  const head = ["Vertebra", "Quality", ...COLUMNS.map(([, label]) => label), "Reasons"];
  const meanings = [null, null, ...COLUMNS.map((column) => column.at(-1)), null];
  byId("quality").replaceChildren(
    html(
      "table",
      { class: "quality" },
      html(
        "thead",
        {},
        html(
          "tr",
          {},
          head.map((label, i) => html("th", { scope: "col", title: meanings[i] }, label)),
        ),
      ),
      html(
        "tbody",
        {},
        levels.map((level) => qualityRow(level, display)),
      ),
    ),
  );
}

function qualityRow({ level, quality }, display) {
  const reasons = quality.reasons.length > 0 ? quality.reasons.map(reasonText).join(", ") : "none";
  return html(
    "tr",
    { onmouseenter: () => display.mark([level]), onmouseleave: () => display.mark([]) },
    html("th", { scope: "row" }, html("span", { class: "swatch", "data-level": level }), level),
    html("td", {}, pill(quality.flag)),
    // A value that does not exist (no landmark was seen in both views) comes as null.
    COLUMNS.map(([name, label, decimals, unit]) =>
      html("td", { "data-label": label }, quality[name] === null ? "none" : quality[name].toFixed(decimals) + unit),
    ),
    html("td", { class: "reasons" }, reasons),
  );
}

export function showNotes(notes) {
  byId("notes").replaceChildren(...notes.map((note) => html("li", {}, noteText(note))));
  show(byId("notes"), notes.length > 0);
}
