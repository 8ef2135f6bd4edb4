// What the reader measures by hand: ruler, angle, Cobb. On the film alone, at the depth of the spine; never kept.
import type { CalibrationView, Px } from "../contract";
import { lengthAtPatient_mm } from "../geometry";
import type { Examination, Mark, Reading } from "../reading";
import { POINTS_OF } from "../reading";
import type { FilmModel } from "./model";

export function Marks({ reading, exam, film }: { reading: Reading; exam: Examination; film: FilmModel }) {
  return reading.marks.value
    .filter(({ view }) => view === film.view)
    .map((mark, index) => (
      <Drawn key={String(index)} mark={mark} exam={exam} view={exam.result.calibration[film.view]} />
    ));
}

function Drawn({ mark, exam, view }: { mark: Mark; exam: Examination; view: CalibrationView }) {
  const { points } = mark;
  const [u, v] = points[points.length - 1];
  const text = markText(mark, view, exam);
  return (
    <g class="mark" data-tool={mark.tool}>
      <path class="construction-halo" d={markPath(mark)} />
      <path class="mark-line" d={markPath(mark)} />
      {points.map((point) => (
        <circle key={point.join()} class="corner" cx={point[0]} cy={point[1]} />
      ))}
      <text class="construction-value" x={u} y={v} dx="0.6em" dominant-baseline="central">
        {text}
      </text>
    </g>
  );
}

function markPath({ tool, points }: Mark): string {
  const line = (part: Px[]) => (part.length ? `M${part.map((point) => point.join(",")).join("L")}` : "");
  return tool === "cobb" ? line(points.slice(0, 2)) + line(points.slice(2)) : line(points);
}

export function markText(mark: Mark, view: CalibrationView, exam: Examination): string {
  const { tool, points } = mark;
  if (points.length < POINTS_OF[tool]) return "";
  if (tool === "ruler") return `${lengthAtPatient_mm(view, points[0], points[1], exam.room.centre).toFixed(1)} mm`;
  const [du, dv] = view.pixel_spacing_mm;
  const way = (a: Px, b: Px) => Math.atan2((b[1] - a[1]) * dv, (b[0] - a[0]) * du);
  const between =
    tool === "angle"
      ? way(points[1], points[0]) - way(points[1], points[2])
      : way(points[0], points[1]) - way(points[2], points[3]);
  const turn = Math.abs(Math.atan2(Math.sin(between), Math.cos(between))) * (180 / Math.PI);
  return `${(tool === "cobb" && turn > 90 ? 180 - turn : turn).toFixed(1)}°`;
}
