"""Book of notes: the doubts that a result states, as codes and in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Note:
    """One row.

    Attributes
    ----------
    code : str
        Stable; where ``of_film``, it stands after ``ap_`` or ``lat_``.
    words : str
        A sentence; where ``of_film``, its rest after the name of the film.
    of_film : bool
        Whether it is about one of the two films.
    review : bool
        Whether an answer with this note is never better than ``review``.
    """

    code: str
    words: str
    of_film: bool = False
    review: bool = False


_NOTES = (
    Note("view_angle_unusual", "The two views are far from a right angle: depth is less certain.", review=True),
    Note(
        "unlike_training_films",
        "An image is unlike the films on which the networks learned: look at everything twice.",
        review=True,
    ),
    Note(
        "lumbar_count_unsure",
        "The number of lumbar vertebrae is not clear: levels may be named wrongly.",
        review=True,
    ),
    Note(
        "lumbar_count_not_five",
        "Four or six lumbar vertebrae; of six, L6 is not reconstructed. The norms are of five.",
        review=True,
    ),
    Note(
        "level_names_unsure",
        "Which vertebra is which is not quite certain: count them from the ribs and from the sacrum.",
        review=True,
    ),
    Note("views_shifted", "The two views do not fit together: patient moved, or calibration wrong.", review=True),
    Note(
        "geometry_refined",
        "The lateral view of the room was refined together with the spine; the standard errors hold what is left.",
    ),
    Note(
        "geometry_far_off",
        "The lateral view is further from its calibration than a nominal room may be: calibrate the room.",
        review=True,
    ),
    Note(
        "views_oblique",
        "The vertebrae stand turned to the X-rays, further than in the films on which the networks learned: errors are "
        "larger than the standard errors say.",
        review=True,
    ),
    Note("edited", "Somebody has corrected landmarks, names or the choice of vertebrae."),
    Note("two_studies", "The two images are from two studies of one patient: were they taken in one position?"),
    Note(
        "detector_distance_differs",
        "says another distance from source to detector than the calibration.",
        of_film=True,
        review=True,
    ),
    Note(
        "patient_distance_differs",
        "says another distance from source to patient than the calibration.",
        of_film=True,
    ),
    Note(
        "orientation_differs",
        "says another way round, or another side of the patient at the detector, than the calibration.",
        of_film=True,
        review=True,
    ),
    Note(
        "perhaps_mirrored",
        "may be mirrored left to right: the two views would fit together better.",
        of_film=True,
        review=True,
    ),
    Note("eight_bit", "has only 256 grey values: the original of the detector has more.", of_film=True),
    Note("lossy", "was compressed with loss: the original of the detector is better.", of_film=True),
    Note("inverted", "was stored with bone dark and has been inverted.", of_film=True),
    Note(
        "seen_from_behind",
        "is turned over, as its calibration says: its columns run the other way than seen from the source.",
        of_film=True,
    ),
    Note("cropped_to_centre", "is larger than the field that is used; its borders were cut.", of_film=True),
    Note("padded", "is smaller than the field that is used; the rest was filled.", of_film=True),
)
NOTES: Mapping[str, Note] = MappingProxyType({note.code: note for note in _NOTES})
DOUBTFUL = frozenset(
    code
    for note in _NOTES
    if note.review
    for code in ((f"ap_{note.code}", f"lat_{note.code}") if note.of_film else (note.code,))
)
"""Notes as they stand in a result with which it is never better than ``review``."""
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "image_residual": "model and image differ",
        "ray_residual": "landmarks of the two views do not meet",
        "overlap": "silhouettes do not match",
        "uncertainty": "surface poorly determined",
        "unusual_shape": "unusual shape",
        "neighbour_distance": "wrong distance to its neighbour",
        "deformed": "body lower than its neighbours: deformed?",
        "unlike_neighbours": "shape does not go with the other levels",
        "fracture": "perhaps broken",
    }
)
"""Why a vertebra is ``review`` or ``bad``; in a result the degree follows: ``overlap_bad``."""

NO_SACRUM: Mapping[str, str] = MappingProxyType(
    {
        "no_l5": "L5 was not reconstructed",
        "below_l6": "six vertebrae seem to stand above it, and L6 is not reconstructed",
        "not_shown": "an image does not show its plate",
        "views_disagree": "the two images mark its plate in different places",
        "not_below_l5": "its plate is marked where none can be",
        "edge_unclear": "the lateral image shows no clear edge of its plate",
    }
)
"""Why nothing is measured against S1."""
NO_PELVIS: Mapping[str, str] = MappingProxyType(
    {
        "femoral_heads_not_detected": "nothing here finds the femoral heads, and nobody has placed them",
        "no_plate": "the femoral heads are placed, but the plate of S1 is not measured",
    },
)
"""Why pelvic incidence and pelvic tilt are not given."""
HIPS_PLACED = "Pelvic incidence and tilt rest on femoral heads that were placed by hand."
"""Beside these numbers, where somebody reads them without the films."""


def listed(of_film: bool) -> str:
    """Codes of the notes on the pair, or on one film, in one line."""
    return ", ".join(note.code for note in _NOTES if note.of_film == of_film)
