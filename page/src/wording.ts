// Codes of the result document in words; a code that is not known here is shown as it is, readable.
import { CURES, NOTES, REASONS } from "lumbar3d-words";
import type { Edit, Flag, ViewName } from "./contract";

export const VIEWS: Record<string, string> = { ap: "AP radiograph", lat: "Lateral radiograph" };
export const FILM: Record<ViewName, string> = { ap: "AP", lat: "lateral" };

export const QUALITY: Record<Flag, { style: string; label: string; meaning: string }> = {
  ok: { style: "good", label: "Good", meaning: "The images support this reconstruction." },
  review: { style: "warn", label: "Review", meaning: "Usable, but a person should look at it first." },
  bad: { style: "bad", label: "Poor", meaning: "Do not rely on this reconstruction." },
};

const LANDMARKS: Record<string, string> = {
  sup_endplate_centre: "upper end plate",
  inf_endplate_centre: "lower end plate",
  tp_left: "left transverse process",
  tp_right: "right transverse process",
  pedicle_left: "left pedicle",
  pedicle_right: "right pedicle",
  sp_tip: "spinous process",
  centre: "centre",
};

const FEMORAL_HEADS: Record<string, string> = {
  head_left: "patient's left femoral head",
  head_right: "patient's right femoral head",
  head_one: "one femoral head",
  head_other: "the other femoral head",
};

export function landmarkText(name: string): string {
  return LANDMARKS[name] ?? FEMORAL_HEADS[name] ?? readable(name);
}

export function readable(code: string): string {
  return code.replaceAll("_", " ");
}

/** "overlap_dice_review" is a cause and a degree; the degree is the row's colour already. */
export function reasonText(code: string): string {
  return REASONS[code.replace(/_(review|bad)$/, "")] ?? readable(code);
}

/** Notes on one image carry the view in front: "lat_padded". */
export function noteText(code: string): string {
  const [view, ...rest] = code.split("_");
  const about = NOTES[rest.join("_")];
  if (VIEWS[view] && about) return `${VIEWS[view]} ${about}`;
  return NOTES[code] ?? readable(code);
}

const REASON_CURES: Record<string, string> = {
  image_residual: "Switch the outlines off and on over this vertebra: do they follow its edge?",
  ray_residual: "Show the detected landmarks: one that lies elsewhere in one film can be moved.",
  overlap: "Compare the outline with the film; move the landmark that is off and recalculate.",
  uncertainty: "Read its numbers with their standard error; a sharper or better centred film would help.",
  unusual_shape: "Check that this is a vertebra of L1 to L5, and look for a fracture or an implant.",
  neighbour_distance: "Check the level names: one may have been passed over.",
  fracture: "Kind and grade follow from the measured heights; the film decides.",
  deformed: "Look for a fracture: compare the body's heights with the other levels.",
  unlike_neighbours: "Check that its landmarks lie on this vertebra and not on its neighbour.",
};

const NOTE_CURES: Record<string, string> = {
  view_angle_unusual: "Take the films closer to a right angle, or check the calibration.",
  lumbar_count_unsure: "Count from the ribs and the sacrum; rename the levels under “Correct” if needed.",
  lumbar_count_not_five: "Count from the ribs and the sacrum before a level is named in a report.",
  level_names_unsure: "Count from the ribs and the sacrum; rename the levels under “Correct” if needed.",
  views_shifted: "Take both films without movement between them, or calibrate the room again.",
  geometry_far_off: "Calibrate the room again.",
  perhaps_mirrored: "Compare the side marker on the film with R and L here; mirror it under “Correct” if needed.",
  detector_distance_differs: "Check the calibration against the room's log.",
};

/** What would cure a doubt, where that is known. */
export function cureOf(code: string): string | null {
  const stem = code.replace(/_(review|bad)$/, "");
  return REASON_CURES[stem] ?? NOTE_CURES[stem] ?? NOTE_CURES[stem.replace(/^(ap|lat)_/, "")] ?? CURES[stem] ?? null;
}

export function editText(edit: Edit): string {
  switch (edit.type) {
    case "set_landmark":
      return `${edit.level} ${landmarkText(edit.landmark)} placed on the ${FILM[edit.view]} film`;
    case "remove_landmark":
      return `${edit.level} ${landmarkText(edit.landmark)} removed from the ${FILM[edit.view]} film`;
    case "set_centre":
      return `${edit.level} moved on the ${FILM[edit.view]} film`;
    case "rename": {
      const way = Math.abs(edit.shift) === 1 ? "one" : String(Math.abs(edit.shift));
      const whom =
        edit.direction === "all"
          ? "all levels"
          : `${edit.from} and those ${edit.direction === "down" ? "below" : "above"}`;
      return `${whom} named ${way} ${edit.shift > 0 ? "lower" : "higher"}`;
    }
    case "keep_levels":
      return `only ${edit.levels.join(", ")} kept`;
    case "set_hips":
      return `femoral heads placed, ${edit.lat_px.length === 1 ? "one" : "both"} on the lateral film`;
    case "remove_hips":
      return "femoral heads removed";
    case "films":
      return [
        edit.exchange ? "films exchanged" : "",
        ...(edit.mirror ?? []).map((view) => `${FILM[view]} film mirrored`),
        ...(edit.turn ?? []).map((view) => `${FILM[view]} film turned`),
      ]
        .filter(Boolean)
        .join(", ");
    case "prompt":
      return `the ${FILM[edit.view]} film shows ${edit.level} at the marked point`;
  }
}

export function dateText(iso: string): string {
  return iso.replace("T", " ").slice(0, 16);
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}
