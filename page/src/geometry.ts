// How each view looks at the world (x anterior, y left, z up, mm). Mirrors the calibration contract; for display only.
import type {
  Calibration,
  CalibrationView,
  LevelResult,
  MatrixView,
  OverlayView,
  Px,
  SlotView,
  Vec3,
} from "./contract";

const dot = (a: number[], b: number[]) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: number[], b: number[]): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const plus = (a: Vec3, b: Vec3, times = 1): Vec3 => [a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]];
const minus = (a: Vec3, b: Vec3): Vec3 => plus(a, b, -1);
const unit = (a: Vec3): Vec3 => {
  const length = Math.hypot(...a);
  return [a[0] / length, a[1] / length, a[2] / length];
};

/** A slot scanner's source travels: where it is while a point is taken. */
function levelSource(view: SlotView, point: Vec3): Vec3 {
  return plus(view.source_mm, view.scan_direction, dot(minus(point, view.source_mm), view.scan_direction));
}

function projectByMatrix(view: MatrixView, point: Vec3): Px {
  const [u, v, scale] = view.projection.map((row) => dot(row, point) + row[3]);
  return [u / scale, v / scale];
}

/** Pixel (u, v) of the film as it was sent. */
export function project(view: CalibrationView, point: Vec3): Px {
  if (view.type === "matrix") return projectByMatrix(view, point);
  const source = sourceOf(view, point);
  const down = view.type === "slot" ? view.scan_direction : view.detector_v_axis;
  const normal = cross(view.detector_u_axis, down);
  const origin =
    view.type === "slot"
      ? levelSource({ ...view, source_mm: view.detector_origin_mm }, point)
      : view.detector_origin_mm;
  const ray = minus(point, source);
  const hit = plus(source, ray, dot(minus(origin, source), normal) / dot(ray, normal));
  const across = dot(minus(hit, view.detector_origin_mm), view.detector_u_axis) / view.pixel_spacing_mm[0];
  return [across, dot(minus(hit, view.detector_origin_mm), down) / view.pixel_spacing_mm[1]];
}

/** Where the X-rays that take this point come from. */
export function sourceOf(view: CalibrationView, point: Vec3): Vec3 {
  if (view.type === "matrix") return sourceOfMatrix(view.projection);
  return view.type === "slot" ? levelSource(view, point) : view.source_mm;
}

/** The point that the matrix sends nowhere: -M^-1 p, by cofactors. */
function sourceOfMatrix([a, b, c]: MatrixView["projection"]): Vec3 {
  const determinant = dot(a, cross(b, c));
  const columns = [cross(b, c), cross(c, a), cross(a, b)];
  return [0, 1, 2].map(
    (axis) => -(a[3] * columns[0][axis] + b[3] * columns[1][axis] + c[3] * columns[2][axis]) / determinant,
  ) as Vec3;
}

/** Point of the ray through a pixel that lies in the plane through `centre` which faces the source: Newton, two unknowns. */
export function pointOn(view: CalibrationView, px: Px, centre: Vec3): Vec3 {
  const towards = unit(minus(sourceOf(view, centre), centre));
  const across = unit(cross([0, 0, 1], towards));
  const up = cross(towards, across);
  let point = centre;
  for (let step = 0; step < 6; step += 1) {
    const at = project(view, point);
    const [a, b] = [project(view, plus(point, across)), project(view, plus(point, up))];
    const [ju, jv, ku, kv] = [a[0] - at[0], a[1] - at[1], b[0] - at[0], b[1] - at[1]];
    const determinant = ju * kv - ku * jv;
    const [du, dv] = [px[0] - at[0], px[1] - at[1]];
    point = plus(point, across, (du * kv - ku * dv) / determinant);
    point = plus(point, up, (ju * dv - du * jv) / determinant);
  }
  return point;
}

/** The part of the ray through a pixel that lies within `reach_mm` of the spine: its image in the other film is the epipolar line. */
export function rayThrough(view: CalibrationView, px: Px, centre: Vec3, reach_mm = 120): [Vec3, Vec3] {
  const middle = pointOn(view, px, centre);
  const along = unit(minus(sourceOf(view, middle), middle));
  return [plus(middle, along, reach_mm), plus(middle, along, -reach_mm)];
}

export interface Room {
  calibration: Calibration;
  centre: Vec3;
}

/** Middle of all landmarks: the point that the 3D view turns about. */
export function roomOf(calibration: Calibration, levels: LevelResult[]): Room {
  const points = levels.flatMap((level) => level.landmarks.map((landmark) => landmark.model_mm));
  const mean = (axis: number) => points.reduce((sum, point) => sum + point[axis], 0) / Math.max(1, points.length);
  return { calibration, centre: [mean(0), mean(1), mean(2)] };
}

/** Whether a world axis (0 anterior, 1 left) grows towards the right edge of the film. */
export function growsRight(view: CalibrationView, centre: Vec3, axis: 0 | 1): boolean {
  const step: Vec3 = axis === 0 ? [1, 0, 0] : [0, 1, 0];
  return project(view, plus(centre, step))[0] > project(view, centre)[0];
}

export interface Placing {
  first: Px;
  step: Px;
}

export function placed({ first, step }: Placing, [u, v]: Px): Px {
  return [first[0] + step[0] * u, first[1] + step[1] * v];
}

function lineThrough(from: number[], to: number[]): [number, number] {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(from), mean(to)];
  const spread = from.reduce((sum, value) => sum + (value - x) ** 2, 0);
  const slope = from.reduce((sum, value, i) => sum + (value - x) * (to[i] - y), 0) / spread;
  return [y - slope * x, slope];
}

/** Where the network's grid lies on the film as it was sent, by the landmarks that both documents give. */
export function gridPlacing(view: CalibrationView, overlay: OverlayView, levels: LevelResult[]): Placing {
  const pairs = levels.flatMap(({ level, landmarks }) =>
    landmarks.flatMap(({ name, model_mm }) => {
      const grid = overlay.levels[level]?.landmarks?.[name]?.model;
      return grid ? [[grid, project(view, model_mm)]] : [];
    }),
  );
  const [u, v] = [0, 1].map((axis) =>
    lineThrough(
      pairs.map(([grid]) => grid[axis]),
      pairs.map(([, film]) => film[axis]),
    ),
  );
  return { first: [u[0], v[0]], step: [u[1], v[1]] };
}

/** mm at the patient for a way on the film, in pixels. */
export function lengthAtPatient_mm(view: CalibrationView, a: Px, b: Px, centre: Vec3): number {
  return Math.hypot(...minus(pointOn(view, a, centre), pointOn(view, b, centre)));
}
