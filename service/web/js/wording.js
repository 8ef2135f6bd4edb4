// @ts-check
// Codes of the result document in words; a code that is not known here is shown as it is, readable.
import { NOTES, REASONS } from "./words.js";

export const VIEWS = { ap: "AP radiograph", lat: "Lateral radiograph" };

export function readable(code) {
  return code.replaceAll("_", " ");
}

// "overlap_dice_review" is a cause and a degree; the degree is the row's colour already.
export function reasonText(code) {
  return REASONS[code.replace(/_(review|bad)$/, "")] ?? readable(code);
}

// Notes on one image carry the view in front: "lat_padded".
export function noteText(code) {
  const [view, ...rest] = code.split("_");
  const about = NOTES[rest.join("_")];
  if (VIEWS[view] && about) return `${VIEWS[view]} ${about}`;
  return NOTES[code] ?? readable(code);
}
