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

function columnOfGeometry(view, point) {
  const normal = cross(view.detector_u_axis, view.detector_v_axis);
  const ray = subtract(point, view.source_mm);
  const reach = dot(subtract(view.detector_origin_mm, view.source_mm), normal) / dot(ray, normal);
  const hit = view.source_mm.map((value, axis) => value + reach * ray[axis]);
  return dot(subtract(hit, view.detector_origin_mm), view.detector_u_axis);
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
    source: isMatrix ? sourceOfMatrix(view.projection) : view.source_mm,
    centre,
    leftIsRight: grows(1),
    anteriorIsRight: grows(0),
  };
}
