"""A calibration in another world frame is refused, and the frame it looks like is named."""

import numpy as np
import pytest

from lumbar3d.contracts import Calibration
from lumbar3d.errors import CalibrationError
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry

VECTORS = ("source_mm", "detector_origin_mm", "detector_u_axis", "detector_v_axis")
LPS_FROM_OURS = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
RAS_FROM_OURS = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
Y_UP_FROM_OURS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
X_UP_FROM_OURS = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def told_in(calibration: Calibration, rotation: np.ndarray) -> Calibration:
    """The same room, told in a turned world."""
    document = calibration.model_dump(mode="json")
    for name in ("ap", "lat"):
        for vector in VECTORS:
            document[name][vector] = (rotation @ np.array(document[name][vector])).tolist()
    return Calibration.model_validate(document)


def about(axis: int, degrees: float) -> np.ndarray:
    return np.asarray(frames.rotation_from_vector(np.radians(degrees) * np.eye(3)[axis]))


@pytest.mark.parametrize(
    ("rotation", "words"),
    [
        (LPS_FROM_OURS, "LPS"),
        (RAS_FROM_OURS, "RAS"),
        (LPS_FROM_OURS, "the two views exchanged"),
        (Y_UP_FROM_OURS, "y up"),
        (X_UP_FROM_OURS, "x up"),
        (about(2, 40.0), "40 degrees"),
        (about(0, 40.0), "rows do not run along the z axis"),
    ],
)
def test_other_frames_are_named(calibration: Calibration, rotation: np.ndarray, words: str) -> None:
    with pytest.raises(CalibrationError, match="world is not x anterior") as caught:
        build_geometry(told_in(calibration, rotation))
    assert words in str(caught.value) and caught.value.code == "invalid_calibration"


@pytest.mark.parametrize(
    "rotation", [about(2, 20.0), about(2, -20.0), about(0, 15.0), about(1, -15.0), about(2, 180.0)]
)
def test_turned_patients_tilted_tubes_and_pa_films_are_not(calibration: Calibration, rotation: np.ndarray) -> None:
    build_geometry(told_in(calibration, rotation))
