// The construction of the chosen number on one film: its lines, with a band of one standard error, and its value.
import type { Construction, ConstructionLine, Px, ViewName } from "../contract";
import { format, spread, unitOf } from "../numbers/format";
import { headRadius_px } from "../panel/hips";
import type { Examination, Reading } from "../reading";
import type { FilmModel } from "./model";

const BEYOND = 0.35;
/** Width that the value takes on the screen. */
const VALUE_PX = 130;

export function chosenConstruction(reading: Reading, exam: Examination): Construction | null {
  const choice = reading.choice.value;
  if (choice?.kind !== "number") return null;
  return exam.constructions.find(({ code, target }) => code === choice.code && target === choice.target) ?? null;
}

interface Props {
  reading: Reading;
  exam: Examination;
  film: FilmModel;
}

export function ChosenConstruction({ reading, exam, film }: Props) {
  const { view } = film;
  const chosen = chosenConstruction(reading, exam);
  if (!chosen || chosen.lines.length === 0) return null;
  const isPelvic = chosen.code.startsWith("pelvic");
  // The axis between the heads is as wide as a film: beside it there is no room.
  const beside = chosen.lines.filter(({ role }) => !isPelvic || role !== "axis");
  const ends = beside.flatMap(({ points }) => points.map((point) => point[view].px));
  const us = ends.map(([u]) => u);
  const isLeft = !film.hasRoomRightOf(Math.max(...us), VALUE_PX);
  const middle = ends.reduce((sum, [, v]) => sum + v, 0) / ends.length;
  return (
    <g class="construction" data-code={chosen.code} data-target={chosen.target}>
      {isPelvic && <HeadRings chosen={chosen} view={view} radius={headRadius_px(exam, view)} />}
      {chosen.lines.map((line, index) => (
        <Line key={`${line.role}-${String(index)}`} line={line} view={view} isAngle={chosen.kind === "angle"} />
      ))}
      <text
        class="construction-value"
        x={isLeft ? Math.min(...us) : Math.max(...us)}
        y={middle}
        dx={isLeft ? "-0.6em" : "0.6em"}
        text-anchor={isLeft ? "end" : "start"}
        dominant-baseline="central"
      >
        {`${format(chosen.value, chosen.unit)} ${spread(chosen)} ${unitOf(chosen.unit)}`}
      </text>
    </g>
  );
}

/** The femoral heads, of an adult's size, at both ends of the hip axis. */
function HeadRings({ chosen, view, radius }: { chosen: Construction; view: ViewName; radius: number }) {
  return chosen.lines
    .filter(({ role }) => role === "axis")
    .flatMap(({ points }) => points.map((point) => point[view].px))
    .map(([u, v]) => <circle key={`${u},${v}`} class="head-ring" cx={u} cy={v} r={radius} />);
}

function Line({ line, view, isAngle }: { line: ConstructionLine; view: ViewName; isAngle: boolean }) {
  const points = line.points.map((point) => point[view].px);
  const path = `M${points.map((point) => point.join(",")).join("L")}${line.role === "outline" ? "Z" : ""}`;
  return (
    <>
      {isAngle && line.role === "plate" && points.length === 2 && <path class="beyond" d={longer(points)} />}
      <path class="construction-halo" d={path} />
      <path class="band" d={bandOf(line, view)} />
      <path class={`construction-line ${line.role}`} d={path} />
      {line.role === "segment" && points.map(([u, v]) => <circle key={`${u},${v}`} class="corner" cx={u} cy={v} />)}
    </>
  );
}

function longer([a, b]: Px[]): string {
  const [du, dv] = [(b[0] - a[0]) * BEYOND, (b[1] - a[1]) * BEYOND];
  return `M${a[0] - du},${a[1] - dv}L${b[0] + du},${b[1] + dv}`;
}

/** Between the lines one standard error to either side, square to the line. */
function bandOf(line: ConstructionLine, view: ViewName): string {
  const ends = line.points.map((point) => point[view]);
  const shifted = (sign: number) =>
    ends.map(({ px, sigma_px }, index) => {
      const [before, after] = [ends[Math.max(0, index - 1)].px, ends[Math.min(ends.length - 1, index + 1)].px];
      const [du, dv] = [after[0] - before[0], after[1] - before[1]];
      const length = Math.hypot(du, dv) || 1;
      const normal: Px = [-dv / length, du / length];
      const [su, sv] = sigma_px ?? [0, 0];
      const reach = sign * Math.hypot(normal[0] * su, normal[1] * sv);
      return [px[0] + normal[0] * reach, px[1] + normal[1] * reach];
    });
  return `M${[...shifted(1), ...shifted(-1).reverse()].map((point) => point.join(",")).join("L")}Z`;
}
