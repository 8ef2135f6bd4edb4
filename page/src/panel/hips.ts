// Femoral heads as they are being placed: on the AP film the patient's left and right, on the lateral one either order.
import type { Edit, Px, ViewName } from "../contract";
import { project } from "../geometry";
import type { Examination } from "../reading";

/** In the place of a level's name. */
export const HIPS = "hips";
export const HEADS: Record<ViewName, string[]> = { ap: ["head_left", "head_right"], lat: ["head_one", "head_other"] };
/** Radius of an adult's femoral head. */
const HEAD_MM = 24;

/** Where the heads are that the result knows; a single lateral centre stands for both. */
export function knownHeads({ result }: Pick<Examination, "result">): Map<string, Px> {
  const hips = result.sacrum?.hips;
  if (!hips) return new Map();
  const { left, right } = hips;
  const heads = new Map([
    ["ap head_left", left.ap_px],
    ["ap head_right", right.ap_px],
    ["lat head_one", left.lat_px],
  ]);
  if (left.lat_px.join() !== right.lat_px.join()) heads.set("lat head_other", right.lat_px);
  return heads;
}

/** The edit of these heads, once both are on the AP film and one at least on the lateral film. */
export function hipsEdit(heads: ReadonlyMap<string, Px>): Edit | null {
  const [left, right] = HEADS.ap.map((head) => heads.get(`ap ${head}`));
  const lateral = HEADS.lat.map((head) => heads.get(`lat ${head}`)).filter((head) => head !== undefined);
  if (!left || !right || lateral.length === 0) return null;
  return { type: "set_hips", ap_left_px: left, ap_right_px: right, lat_px: lateral };
}

/** Radius of a head on a film, as large as it is drawn at the middle of the room. */
export function headRadius_px({ result, room }: Pick<Examination, "result" | "room">, view: ViewName): number {
  const [x, y, z] = room.centre;
  const [a, b] = [
    project(result.calibration[view], room.centre),
    project(result.calibration[view], [x, y, z + HEAD_MM]),
  ];
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
