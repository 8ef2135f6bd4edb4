// @ts-check
// Codes of the result document in words; a code that is not known here is shown as it is, readable.

const REASONS = {
  image_residual: "model and image differ",
  ray_residual: "landmarks of the two views do not meet",
  overlap: "silhouettes do not match",
  uncertainty: "surface poorly determined",
  unusual_shape: "unusual shape",
  neighbour_distance: "wrong distance to its neighbour",
  deformed: "body lower than its neighbours: deformed?",
  unlike_neighbours: "shape does not go with the other levels",
};

const NOTES = {
  view_angle_unusual: "The two views are far from a right angle: depth is less certain.",
  unlike_training_films: "An image is unlike the films on which the networks learned: look at everything twice.",
  lumbar_count_unsure: "The number of lumbar vertebrae is not clear: levels may be named wrongly.",
  level_names_unsure: "Which vertebra is which is not quite certain: count them from the ribs and from the sacrum.",
  views_shifted: "The two views do not fit together: patient moved, or calibration wrong.",
  perhaps_mirrored: "may be mirrored left to right: the two views would fit together better.",
  eight_bit: "has only 256 grey values: the original of the detector has more.",
  lossy: "was compressed with loss: the original of the detector is better.",
  inverted: "was stored with bone dark and has been inverted.",
  cropped_to_centre: "is larger than the field that is used; its borders were cut.",
  padded: "is smaller than the field that is used; the rest was filled.",
};

const VIEWS = { ap: "AP radiograph", lat: "Lateral radiograph" };

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
