// All measurements, grouped by kind: value with its standard error, norm, where it lies in the norm, and what it means.
import { byId, html, svg } from "./dom.js";
import { levelsOf } from "./levels.js";
import { NORMAL_RANGE_SD, deviationSd, format, outside, unitOf } from "./numbers.js";

// The first pattern that fits a code names its group; what fits none is still shown.
const GROUPS = [
  ["Alignment", /lordosis|cobb|lumbar|alignment/],
  ["Slip", /slip|listhesis/],
  ["Discs", /disc/],
  ["Rotation and tilt", /rotation|tilt/],
  ["Vertebral bodies", /body|vertebra|wedge|plate/],
  ["Other", /./],
];

const FLAGS = {
  model_based: ["model", "The images say little about this: the value comes mostly from the shape model."],
  low_confidence: ["unsure", "Low confidence: one of the vertebrae it is measured on fits the images poorly."],
};

const STRIP = { width: 92, height: 16, reach_sd: 4 };

export function showMeasurements(measurements, display) {
  byId("legend").replaceChildren(
    "± is one standard error of this measurement. Bars show ±2 SD of the reference population. ",
    ...Object.values(FLAGS).flatMap(([label, meaning]) => [html("span", { class: "flag", title: meaning }, label), ` ${meaning} `]),
  );
  const groupOf = (measurement) => GROUPS.find(([, pattern]) => pattern.test(measurement.code))[0];
  const tables = GROUPS.map(([title]) => [title, measurements.filter((m) => groupOf(m) === title)])
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => groupTable(title, rows, display));
  byId("measurements").replaceChildren(...tables);
}

function groupTable(title, rows, display) {
  const codes = [...new Set(rows.map((row) => row.code))];
  return html(
    "div",
    { class: "card group scroll" },
    html(
      "table",
      { class: "measurements" },
      html("caption", {}, title),
      html(
        "thead",
        {},
        html("tr", {}, ["Where", "Value", "Norm", "Position", "Note"].map((head) => html("th", { scope: "col" }, head))),
      ),
      codes.map((code) => quantity(rows.filter((row) => row.code === code), display)),
    ),
  );
}

function quantity(rows, display) {
  const { name, definition } = rows[0];
  const heading = html(
    "tr",
    { class: "quantity" },
    html(
      "th",
      { scope: "rowgroup", colspan: 5 },
      name,
      html("button", { type: "button", class: "info", "aria-label": `${name}: ${definition}`, "data-tip": definition }, "?"),
    ),
  );
  return html("tbody", {}, heading, rows.map((row) => measurementRow(row, display)));
}

function measurementRow(measurement, display) {
  const { target, value, sigma, unit, norm } = measurement;
  const mark = outside(measurement);
  const levels = levelsOf(target);
  return html(
    "tr",
    {
      class: mark ? "outside" : null,
      "data-code": measurement.code,
      onmouseenter: () => display.mark(levels),
      onmouseleave: () => display.mark([]),
    },
    html("td", { class: "target" }, target),
    html("td", { class: "value" }, html("strong", {}, format(value, unit)), ` ± ${format(sigma, unit)} ${unitOf(measurement)}`),
    html("td", { class: "norm", title: norm?.source }, norm ? `${format(norm.mean, unit)} ± ${format(norm.sd, unit)}` : "none"),
    html("td", { class: "position" }, norm ? strip(measurement) : null),
    html("td", { class: "mark" }, mark ? html("span", { class: "out" }, mark === "high" ? "▲ high" : "▼ low") : null, flag(measurement)),
  );
}

function flag({ flag: name }) {
  if (name === "ok") return null;
  const [label, meaning] = FLAGS[name];
  return html("span", { class: "flag", title: meaning }, label);
}

// Where the value lies in the reference population: the bar is the normal range, the whisker one standard error.
function strip(measurement) {
  const { width, height, reach_sd: reach } = STRIP;
  const deviation = deviationSd(measurement);
  const at = (sd) => ((Math.max(-reach, Math.min(reach, sd)) + reach) / (2 * reach)) * (width - 8) + 4;
  const whisker = measurement.sigma / measurement.norm.sd;
  const label = `${format(deviation, "SD")} SD from the mean`;
  return svg(
    "svg",
    { class: "strip", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    svg("title", {}, label),
    svg("rect", { class: "range", x: at(-NORMAL_RANGE_SD), y: 4, width: at(NORMAL_RANGE_SD) - at(-NORMAL_RANGE_SD), height: 8, rx: 4 }),
    svg("line", { class: "mean", x1: at(0), x2: at(0), y1: 2, y2: 14 }),
    svg("line", { class: "whisker", x1: at(deviation - whisker), x2: at(deviation + whisker), y1: 8, y2: 8 }),
    svg("circle", { class: "dot", cx: at(deviation), cy: 8, r: 3.6 }),
  );
}
