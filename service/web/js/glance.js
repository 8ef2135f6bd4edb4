// @ts-check
// The figures that a reader looks for first.
import { byId, html } from "./dom.js";
import { flag } from "./flags.js";
import { outside, spread, withUnit } from "./numbers.js";

const larger = (most, item) => (!most || Math.abs(item.value) > Math.abs(most.value) ? item : most);

function headline(measurements, code, label) {
  const chosen = measurements.filter((measurement) => measurement.code === code).reduce(larger, null);
  if (!chosen) return null;
  const mark = outside(chosen);
  return html(
    "div",
    { class: `figure${mark ? " outside" : ""}` },
    html("p", { class: "name" }, label),
    html("p", { class: "value" }, withUnit(chosen), " ", html("small", {}, spread(chosen))),
    html(
      "p",
      { class: "quiet" },
      [chosen.target, mark ? `${mark} for the norm` : null].filter(Boolean).join(", "),
      flag(chosen),
    ),
  );
}

export function showGlance(measurements) {
  const withNorm = measurements.filter((measurement) => measurement.norm);
  const beyond = withNorm.filter(outside);
  byId("glance").replaceChildren(
    ...[
      headline(measurements, "lumbar_lordosis", "Lumbar lordosis"),
      headline(measurements, "cobb_coronal", "Coronal Cobb angle"),
      headline(measurements, "slip_sagittal", "Largest sagittal slip"),
      headline(measurements, "axial_rotation", "Largest axial rotation"),
      html(
        "div",
        { class: `figure${beyond.length ? " outside" : ""}` },
        html("p", { class: "name" }, "Outside the norm"),
        html("p", { class: "value" }, String(beyond.length), " ", html("small", {}, `of ${withNorm.length}`)),
        html("p", { class: "quiet" }, "more than 2 SD from the mean"),
      ),
    ].filter(Boolean),
  );
}
