// A first look at a calibration in the browser: is it complete, do its numbers make sense, do the views cross?
import type { Calibration, CalibrationView, Vec3 } from "../contract";
import { VIEW_NAMES } from "../contract";
import { sourceOf } from "../geometry";
import { FILM } from "../wording";

const FIELDS: Record<string, string[]> = {
  matrix: ["projection", "pixel_spacing_mm", "columns", "rows"],
  geometry: [
    "source_mm",
    "detector_origin_mm",
    "detector_u_axis",
    "detector_v_axis",
    "pixel_spacing_mm",
    "columns",
    "rows",
  ],
  slot: ["source_mm", "detector_origin_mm", "detector_u_axis", "scan_direction", "pixel_spacing_mm", "columns", "rows"],
};
const UNIT_TOLERANCE = 1e-3;
const USUAL_ANGLE_DEG = [75, 105];

export interface Checked {
  good: string[];
  bad: string[];
}

export async function checkCalibration(file: File): Promise<Checked> {
  let document: unknown;
  try {
    document = JSON.parse(await file.text());
  } catch {
    return { good: [], bad: ["This is not a JSON document."] };
  }
  return check(document as Partial<Calibration>);
}

export function check(calibration: Partial<Calibration>): Checked {
  const [good, bad]: string[][] = [[], []];
  if (calibration?.version !== "1.0") bad.push('It must say "version": "1.0".');
  for (const view of VIEW_NAMES) {
    const faults = faultsOf(calibration?.[view]);
    bad.push(...faults.map((fault) => `${FILM[view]}: ${fault}`));
    const sent = calibration?.[view];
    if (faults.length === 0 && sent)
      good.push(`${FILM[view]}: ${sent.columns} × ${sent.rows} pixels of ${sent.pixel_spacing_mm[0]} mm`);
  }
  if (bad.length === 0) judgeAngle(calibration as Calibration, good, bad);
  return { good, bad };
}

function faultsOf(view: CalibrationView | undefined): string[] {
  if (!view || typeof view !== "object") return ["this view is missing."];
  const fields = FIELDS[view.type];
  if (!fields) return ['"type" must be matrix, geometry or slot.'];
  const given = view as unknown as Record<string, unknown>;
  const missing = fields.filter((field) => !(field in given)).map((field) => `${field} is missing.`);
  const axes = Object.entries(given).filter(([field]) => /_axis$|_direction$/.test(field)) as [string, Vec3][];
  const crooked = axes
    .filter(([, axis]) => Array.isArray(axis) && Math.abs(Math.hypot(...axis) - 1) > UNIT_TOLERANCE)
    .map(([field]) => `${field} is not of length 1.`);
  const spacing = view.pixel_spacing_mm;
  const odd =
    Array.isArray(spacing) && spacing.every((each) => each > 0.02 && each < 2)
      ? []
      : ["pixel_spacing_mm is not two lengths in mm."];
  return [...missing, ...crooked, ...odd];
}

function judgeAngle(calibration: Calibration, good: string[], bad: string[]): void {
  const origin: Vec3 = [0, 0, 0];
  const [a, b] = VIEW_NAMES.map((view) => sourceOf(calibration[view], origin));
  const cosine = (a[0] * b[0] + a[1] * b[1]) / (Math.hypot(a[0], a[1]) * Math.hypot(b[0], b[1]));
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine))) * (180 / Math.PI);
  const words = `The two sources stand ${angle.toFixed(0)}° apart, seen from above.`;
  if (angle >= USUAL_ANGLE_DEG[0] && angle <= USUAL_ANGLE_DEG[1]) good.push(words);
  else bad.push(`${words} Near 90° is needed for depth.`);
}
