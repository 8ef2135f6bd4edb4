// Outlines, landmarks and their error ellipses of each vertebra on one film.
import type { OverlayLevel, Px, Sighting } from "../contract";
import { placed } from "../geometry";
import type { Examination, Reading } from "../reading";
import { landmarkText } from "../wording";
import type { FilmModel } from "./model";

const CHI_95 = 2.448;
/** From the vertebra to the end of its name. */
const LABEL_PX = 28;

interface Props {
  reading: Reading;
  exam: Examination;
  film: FilmModel;
}

export function Levels({ reading, exam, film }: Props) {
  const layers = reading.layers.value;
  const before = layers.previous ? exam.previous?.overlay[film.view].levels : undefined;
  return (
    <>
      {Object.entries(before ?? {}).map(([level, { outline }]) => (
        <path key={`before-${level}`} class="outline-before" d={pathOf(film, outline)} />
      ))}
      {Object.entries(exam.overlay[film.view].levels)
        .filter(([level]) => reading.shown.value.has(level))
        .map(([level, drawn]) => (
          <Level key={level} level={level} drawn={drawn} reading={reading} exam={exam} film={film} />
        ))}
    </>
  );
}

function pathOf(film: FilmModel, outline: Px[][]): string {
  const point = (each: Px) =>
    placed(film.placing, each)
      .map((x) => x.toFixed(2))
      .join(",");
  return outline.map((line) => `M${line.map(point).join("L")}`).join("");
}

function Level({ level, drawn, reading, exam, film }: Props & { level: string; drawn: OverlayLevel }) {
  const layers = reading.layers.value;
  const path = pathOf(film, drawn.outline);
  const points = drawn.outline.flat().map((point) => placed(film.placing, point));
  return (
    <g class={`level${reading.isDimmed(level) ? " dimmed" : ""}`} data-level={level}>
      {layers.outlines && <path class="halo" d={path} />}
      {layers.outlines && (
        <path class="outline" d={path}>
          <title>{level}</title>
        </path>
      )}
      {layers.ellipses && <Ellipses level={level} exam={exam} film={film} />}
      <Landmarks level={level} drawn={drawn} reading={reading} film={film} />
      {layers.labels && <Label level={level} points={points} film={film} />}
    </g>
  );
}

/** Beside its vertebra, and over it where the film ends there. */
function Label({ level, points, film }: { level: string; points: Px[]; film: FilmModel }) {
  const [us, vs] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const room = film.rightEdge() - LABEL_PX / film.viewport.value.scale;
  return (
    <text
      class="label"
      x={Math.max(Math.min(...us), Math.min(Math.max(...us), room))}
      y={(Math.min(...vs) + Math.max(...vs)) / 2}
      dx="0.4em"
      dominant-baseline="central"
    >
      {level}
    </text>
  );
}

function Landmarks({ level, drawn, reading, film }: Omit<Props, "exam"> & { level: string; drawn: OverlayLevel }) {
  const { landmarks, detected: shown } = reading.layers.value;
  if (!landmarks && !shown) return null;
  return Object.entries(drawn.landmarks ?? {}).map(([name, { model, detected }]) => {
    const [u, v] = placed(film.placing, model);
    const seen = shown && detected ? placed(film.placing, detected) : null;
    return (
      <g key={name}>
        <title>{`${level} ${landmarkText(name)}`}</title>
        {landmarks && <circle class="landmark" cx={u} cy={v} />}
        {seen && <line class="detected offset" x1={u} y1={v} x2={seen[0]} y2={seen[1]} />}
        {seen && <Cross at={seen} film={film} />}
      </g>
    );
  });
}

function Cross({ at: [u, v], film }: { at: Px; film: FilmModel }) {
  const arm = 5 / film.viewport.value.scale;
  return <path class="detected cross" d={`M${u - arm},${v}H${u + arm}M${u},${v - arm}V${v + arm}`} />;
}

function Ellipses({ level, exam, film }: { level: string; exam: Examination; film: FilmModel }) {
  const found = exam.result.levels.find((each) => each.level === level)?.landmarks ?? [];
  return found.flatMap(({ name, sightings = [] }) =>
    sightings
      .filter(({ view }) => view === film.view)
      .map((sighting) => <Ellipse key={name} name={`${level} ${landmarkText(name)}`} sighting={sighting} />),
  );
}

/** Where the landmark lies with 95 %. */
function Ellipse({ name, sighting }: { name: string; sighting: Sighting }) {
  const [[a, b], [, d]] = sighting.covariance_px2;
  const [middle, reach] = [(a + d) / 2, Math.hypot((a - d) / 2, b)];
  const angle = (Math.atan2(2 * b, a - d) / 2) * (180 / Math.PI);
  const [u, v] = sighting.position_px;
  return (
    <ellipse
      class="ellipse"
      cx={u}
      cy={v}
      rx={CHI_95 * Math.sqrt(middle + reach)}
      ry={CHI_95 * Math.sqrt(Math.max(0, middle - reach))}
      transform={`rotate(${angle.toFixed(2)} ${u} ${v})`}
    >
      <title>{`${name}: 95 % of its error`}</title>
    </ellipse>
  );
}
