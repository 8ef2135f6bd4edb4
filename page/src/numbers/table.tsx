// All measurements, grouped by kind; every number can be chosen, by mouse, touch or arrow keys.

import { levelsOf } from "../anatomy";
import type { Measurement } from "../contract";
import type { Examination, Reading } from "../reading";
import { format, side, spread, standing, standsOut, unitOf } from "./format";

// The first pattern that fits a code names its group; what fits none is still shown.
const GROUPS: [string, RegExp][] = [
  ["Alignment", /^(lumbar|cobb|sacral|pelvic)/],
  ["Between vertebrae", /^(segmental|axial_rotation_intervertebral)/],
  ["Slip", /^slip/],
  ["Discs", /^disc/],
  ["Tilt and rotation of each vertebra", /tilt|rotation/],
  ["Vertebral bodies", /^(body|vertebra)/],
  ["Endplates", /^endplate/],
  ["Other", /./],
];

const ARROWS = { high: "▲", low: "▼" };

interface Props {
  reading: Reading;
  exam: Examination;
}

export function Tables({ reading, exam }: Props) {
  const level = reading.filter.value;
  const isShown = ({ target }: Measurement) => level === null || levelsOf(target).includes(level);
  const groupOf = ({ code }: Measurement) => GROUPS.find(([, pattern]) => pattern.test(code))?.[0];
  const shown = exam.result.measurements.filter(isShown);
  return (
    <div id="measurements" class="measurement-groups">
      {GROUPS.map(([title]) => [title, shown.filter((each) => groupOf(each) === title)] as const)
        .filter(([, rows]) => rows.length > 0)
        .map(([title, rows]) => (
          <Group key={title} title={title} rows={rows} reading={reading} exam={exam} />
        ))}
    </div>
  );
}

/** One row per quantity and one column per vertebra or pair; quantities measured once are a list. */
function Group({ title, rows, reading, exam }: Props & { title: string; rows: Measurement[] }) {
  const codes = [...new Set(rows.map(({ code }) => code))];
  const isList = codes.length === rows.length;
  const targets = [...new Set(rows.map(({ target }) => target))];
  const cells = (code: string) => {
    const measured = rows.filter((row) => row.code === code);
    return isList ? measured : targets.map((target) => measured.find((row) => row.target === target) ?? null);
  };
  return (
    <div class={`group of-${targets.length}${isList ? " list" : ""}`}>
      <table class="measurements" onKeyDown={onArrow}>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden-text">Quantity</span>
            </th>
            {(isList ? ["Value"] : targets).map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {codes.map((code) => (
            <tr key={code}>
              <Quantity row={rows.find((each) => each.code === code) as Measurement} />
              {cells(code).map((measurement, index) =>
                measurement ? (
                  <Cell key={measurement.target} measurement={measurement} reading={reading} exam={exam} />
                ) : (
                  <td key={targets[index]} class="empty" />
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Quantity({ row: { name, unit } }: { row: Measurement }) {
  return (
    <th scope="row">
      {name} <span class="unit">{unitOf(unit)}</span>
    </th>
  );
}

function Cell({ measurement, reading, exam }: Props & { measurement: Measurement }) {
  const { code, target, value, unit } = measurement;
  const choice = reading.choice.value;
  const isChosen = choice?.kind === "number" && choice.code === code && choice.target === target;
  const before = exam.previous?.result.measurements.find((each) => each.code === code && each.target === target);
  const where = side(measurement);
  return (
    <td data-code={code} data-target={target} class={cellClass(measurement)}>
      <button type="button" class="number" aria-pressed={isChosen} onClick={() => reading.chooseNumber(measurement)}>
        <span class="target">{target}</span>
        <strong>
          {where && (
            <span class="mark-side">
              {ARROWS[where]}
              <span class="hidden-text">{where} </span>
            </span>
          )}
          {format(value, unit)}
        </strong>
        <span class="spread">{spread(measurement)}</span>
        {before && Math.abs(before.value - value) > 1e-9 && <span class="was">was {format(before.value, unit)}</span>}
        {measurement.flag !== "ok" && (
          <span class="flag">{measurement.flag === "model_based" ? "model" : "unsure"}</span>
        )}
      </button>
    </td>
  );
}

function cellClass(measurement: Measurement): string {
  return [standing(measurement) ?? "no-norm", standsOut(measurement) ? "stands-out" : ""].filter(Boolean).join(" ");
}

const STEPS: Record<string, [number, number]> = {
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
};

/** Arrow keys go from number to number as in a sheet, over the borders of the tables. */
function onArrow(event: KeyboardEvent): void {
  const step = STEPS[event.key];
  const here = (event.target as Element).closest("td");
  if (!step || !here) return;
  const rows = [...document.querySelectorAll("#measurements tbody tr")].map((row) => [
    ...row.querySelectorAll("button"),
  ]);
  const row = rows.findIndex((buttons) => buttons.some((button) => here.contains(button)));
  const column = rows[row].findIndex((button) => here.contains(button));
  const next = rows[row + step[0]];
  const to = next?.[Math.min(next.length - 1, column + step[1])];
  if (!to) return;
  event.preventDefault();
  to.focus();
  to.click();
}
