// @ts-check
// How each view looks at the world (x anterior, y left, z up, mm). Mirrors the calibration contract; for display only.

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const subtract = (a, b) => a.map((value, axis) => value - b[axis]);

// Middle of all landmarks: the point that the 3D view turns about.
export function sceneCentre(result) {
  const points = result.levels.flatMap((level) => level.landmarks.map((landmark) => landmark.model_mm));
  return [0, 1, 2].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}

// A slot scanner's source travels: where it is while a point is taken.
function levelSource(view, point) {
  const way = dot(subtract(point, view.source_mm), view.scan_direction);
  return view.source_mm.map((value, axis) => value + way * view.scan_direction[axis]);
}

function columnOfGeometry(view, point) {
  const isSlot = view.type === "slot";
  const source = isSlot ? levelSource(view, point) : view.source_mm;
  const normal = cross(view.detector_u_axis, isSlot ? view.scan_direction : view.detector_v_axis);
  const ray = subtract(point, source);
  const reach = dot(subtract(view.detector_origin_mm, source), normal) / dot(ray, normal);
  const hit = source.map((value, axis) => value + reach * ray[axis]);
  return dot(subtract(hit, view.detector_origin_mm), view.detector_u_axis);
}

function sourceOf(view, centre) {
  if (view.type === "matrix") return sourceOfMatrix(view.projection);
  return view.type === "slot" ? levelSource(view, centre) : view.source_mm;
}

function columnOfMatrix(view, point) {
  const [row, , scale] = view.projection.map((r) => dot(r, point) + r[3]);
  return row / scale;
}

// The point that the matrix sends nowhere: -M^-1 p, by cofactors.
function sourceOfMatrix([a, b, c]) {
  const determinant = dot(a, cross(b, c));
  const columns = [cross(b, c), cross(c, a), cross(a, b)];
  return [0, 1, 2].map(
    (axis) => -(a[3] * columns[0][axis] + b[3] * columns[1][axis] + c[3] * columns[2][axis]) / determinant,
  );
}

// `source`: where the X-rays come from. `sides`: the letter for what lies towards the right edge of the image.
export function viewGeometry(view, centre) {
  const isMatrix = view.type === "matrix";
  const column = (point) => (isMatrix ? columnOfMatrix : columnOfGeometry)(view, point);
  const grows = (axis) => column(centre.map((value, i) => value + (i === axis ? 1 : 0))) > column(centre);
  return {
    source: sourceOf(view, centre),
    centre,
    leftIsRight: grows(1),
    anteriorIsRight: grows(0),
  };
}
