// @ts-check
// Problem documents (RFC 9457) and other errors in the reader's words.
import { html } from "./dom.js";

// What to do about the codes that a reader can do something about.
const ADVICE = {
  invalid_calibration: "Check the calibration file against the two images.",
  degenerate_geometry: "Check the positions of source and detector in the calibration.",
  view_angle_out_of_range: "The two views must be roughly at right angles.",
  unsupported_format: "Send a single greyscale radiograph as DICOM, PNG, TIFF or JPEG.",
  view_mismatch: "Check that AP and lateral were not swapped and belong to one acquisition.",
  levels_not_found: "Both images must show L1 to L5 completely, upright.",
  level_names_doubtful: "Which vertebra is which must be clear: both images should show the last ribs and the sacrum.",
  vertebra_count_unsupported: "Only spines with five lumbar vertebrae can be reconstructed.",
  spine_truncated: "Both images must reach from above L1 to below L5.",
  view_not_recognised: "Check orientation, order and greyscale of the two images against the calibration.",
  views_contradict: "Check that both images and the calibration belong to one acquisition.",
  unlike_training_films: "An image is unlike everything the networks know; there is no trustworthy answer.",
  rejected: "The images were read, but no trustworthy reconstruction can be made from them.",
};

export function problemBody(error) {
  const problem = error.problem ?? error;
  const title = problem.title || "Something went wrong";
  const detail = problem.detail ?? error.message;
  return [
    html(
      "p",
      {},
      html("strong", {}, title),
      problem.code ? html("span", { class: "quiet" }, " (", html("code", {}, problem.code), ")") : null,
    ),
    detail && detail !== title ? html("p", {}, detail) : null,
    faultList(problem.faults ?? []),
    ADVICE[problem.code] ? html("p", { class: "quiet" }, ADVICE[problem.code]) : null,
  ].filter(Boolean);
}

// Which fields of a JSON part are wrong, as pointers into it.
function faultList(faults) {
  if (faults.length === 0) return null;
  return html(
    "ul",
    {},
    faults.map(({ pointer, code }) =>
      html("li", {}, html("code", {}, pointer || "/"), ` ${code.replaceAll("_", " ")}`),
    ),
  );
}
