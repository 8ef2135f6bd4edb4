// @ts-check
// All measurements, grouped by kind: value with its standard error, norm, where it lies in the norm, and what it means.
import { byId, html } from "./dom.js";
import { FLAGS, flag } from "./flags.js";
import { levelsOf } from "./levels.js";
import { format, outside, spread, unitOf } from "./numbers.js";
import { strip } from "./strip.js";

// The first pattern that fits a code names its group; what fits none is still shown.
/** @type {[string, RegExp][]} */
const GROUPS = [
  ["Alignment", /^(lumbar|cobb)/],
  ["Between vertebrae", /^(segmental|axial_rotation_intervertebral)/],
  ["Slip", /^slip/],
  ["Discs", /^disc/],
  ["Tilt and rotation of each vertebra", /tilt|rotation/],
  ["Vertebral bodies", /^(body|vertebra)/],
  ["Endplates", /^endplate/],
  ["Other", /./],
];

const MARKS = { high: "▲ high", low: "▼ low" };

export function showMeasurements(measurements, display) {
  showLegend();
  const groupOf = (measurement) => GROUPS.find(([, pattern]) => pattern.test(measurement.code))?.[0];
  const tables = GROUPS.map(([title]) => [title, measurements.filter((m) => groupOf(m) === title)])
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => groupTable(title, rows, display));
  byId("measurements").replaceChildren(...tables);
}

function showLegend() {
  byId("legend").replaceChildren(
    html("span", {}, "± one standard error of this measurement"),
    html("span", {}, html("span", { class: "range-sample" }), "normal range, mean ± 2 SD"),
    html("span", {}, html("span", { class: "out" }, "▲ ▼"), " outside it"),
    ...Object.values(FLAGS).map(([label, meaning]) =>
      html("span", {}, html("span", { class: "flag" }, label), ` ${meaning}`),
    ),
  );
}

// One row per quantity and one column per vertebra or pair. Quantities measured once stand in one column.
function groupTable(title, rows, display) {
  const codes = [...new Set(rows.map((row) => row.code))];
  const isList = codes.length === rows.length;
  const targets = isList ? ["Value"] : [...new Set(rows.map((row) => row.target))];
  const cellsOf = (code) => {
    const measured = rows.filter((row) => row.code === code);
    return isList ? measured : targets.map((target) => measured.find((row) => row.target === target));
  };
  return html(
    "div",
    { class: `card group scroll${isList ? " list" : ""}` },
    html(
      "table",
      { class: "measurements" },
      html("caption", {}, title),
      isList
        ? null
        : html(
            "thead",
            {},
            html(
              "tr",
              {},
              ["", ...targets].map((head) => html("th", { scope: "col" }, head)),
            ),
          ),
      html(
        "tbody",
        {},
        codes.map((code) => quantityRow(cellsOf(code), display)),
      ),
    ),
  );
}

function quantityRow(cells, display) {
  const { name, definition } = cells.find(Boolean);
  const info = html(
    "button",
    { type: "button", class: "info", "aria-label": `${name}: ${definition}`, "data-tip": definition },
    "?",
  );
  return html(
    "tr",
    {},
    html("th", { scope: "row" }, name, info),
    cells.map((measurement) => (measurement ? cell(measurement, display) : html("td", { class: "empty" }))),
  );
}

function cell(measurement, display) {
  const { value, unit, norm, target } = measurement;
  const mark = outside(measurement);
  return html(
    "td",
    {
      class: mark ? "outside" : null,
      "data-code": measurement.code,
      "data-target": target,
      onmouseenter: () => display.mark(levelsOf(target)),
      onmouseleave: () => display.mark([]),
    },
    html(
      "p",
      { class: "value" },
      html("strong", {}, format(value, unit)),
      html("span", { class: "quiet" }, ` ${spread(measurement)} ${unitOf(measurement)}`),
      mark ? html("span", { class: "out" }, ` ${MARKS[mark]}`) : null,
    ),
    norm ? strip(measurement) : null,
    html("p", { class: "norm" }, normText(norm, unit), flag(measurement)),
  );
}

function normText(norm, unit) {
  if (!norm) return "no norm";
  return html("span", { title: norm.source }, `norm ${format(norm.mean, unit)} ± ${format(norm.sd, unit)}`);
}
