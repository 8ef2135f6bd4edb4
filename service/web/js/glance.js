// The figures that a reader looks for first.
import { byId, html } from "./dom.js";
import { outside, format, unitOf, withUnit } from "./numbers.js";

const largest = (list) => list.reduce((most, item) => (!most || Math.abs(item.value) > Math.abs(most.value) ? item : most), null);

function headline(measurements, pattern, label) {
  const chosen = largest(measurements.filter((measurement) => pattern.test(measurement.code)));
  if (!chosen) return null;
  const mark = outside(chosen);
  return html(
    "div",
    { class: `figure${mark ? " outside" : ""}` },
    html("h3", {}, label),
    html("p", { class: "value" }, withUnit(chosen), html("small", {}, ` ± ${format(chosen.sigma, chosen.unit)}`)),
    html("p", { class: "quiet" }, [chosen.target, mark ? `${mark} for the norm` : null].filter(Boolean).join(", ")),
  );
}

export function showGlance(measurements) {
  const withNorm = measurements.filter((measurement) => measurement.norm);
  const beyond = withNorm.filter(outside);
  byId("glance").replaceChildren(
    ...[
      headline(measurements, /^(lumbar_)?lordosis(?!.*segment)/, "Lumbar lordosis"),
      headline(measurements, /cobb/, "Coronal Cobb angle"),
      headline(measurements.filter((m) => unitOf(m) === "mm"), /slip|listhesis/, "Largest slip"),
      headline(measurements, /axial_rotation/, "Largest axial rotation"),
      html(
        "div",
        { class: `figure${beyond.length ? " outside" : ""}` },
        html("h3", {}, "Outside the norm"),
        html("p", { class: "value" }, String(beyond.length), html("small", {}, ` of ${withNorm.length}`)),
        html("p", { class: "quiet" }, "more than 2 SD from the mean"),
      ),
    ].filter(Boolean),
  );
}
