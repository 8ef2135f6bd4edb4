"""The parts of the whole way's error are what they are called, and add up."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import end_to_end, end_to_end_report
from benchmarks.end_to_end_report import (
    AS_FOUND,
    BOTH_TRUE,
    IN_3D,
    TRUE_DECOMPOSITION,
    TRUE_LANDMARKS,
    TRUE_START,
    EndToEndCase,
)
from benchmarks.registration_cases import LevelError
from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.geometry.projection import ConeBeam

ERRORS_MM = {AS_FOUND: 1.0, TRUE_LANDMARKS: 0.9, TRUE_DECOMPOSITION: 0.6, BOTH_TRUE: 0.5, TRUE_START: 0.45, IN_3D: 0.3}


def level_error(level: str, mean_mm: float, deformed: bool = False) -> LevelError:
    rest = {"hausdorff_mm": 4.0, "surface_sigma_mm": 0.0, "dice": 0.0}
    return LevelError(level, deformed, mean_mm, 0.8 * mean_mm, 1.2 * mean_mm, **rest)


@pytest.fixture
def shares() -> dict[str, list[str]]:
    """Cells by part."""
    cases = []
    for swap, error in ERRORS_MM.items():
        levels = [level_error(level, error) for level in LEVELS]
        levels[0] = level_error("L1", 9.0, deformed=True)
        cases.append(EndToEndCase("somebody", 0, swap, tuple(levels), (1.0, 2.0), {}))
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in end_to_end_report._shares(cases)[4:]]
    return {row[0]: row[1:] for row in rows}


def test_parts_of_the_error_add_up_without_deformed_levels(shares: dict[str, list[str]]) -> None:
    assert shares["all: as found"] == ["1.00", "100", "0.80", "1.20"]
    parts = [cells for part, cells in shares.items() if not part.startswith("all")]
    assert sum(float(cells[0]) for cells in parts) == pytest.approx(1.0)
    assert sum(float(cells[1]) for cells in parts) == pytest.approx(100.0)


def test_each_part_is_what_its_truth_gains(shares: dict[str, list[str]]) -> None:
    assert shares["network: decomposition"][:2] == ["0.40", "40"]
    assert shares["network: landmarks"][:2] == ["0.10", "10"]
    assert shares["optimiser: where it starts"][:2] == ["0.05", "5"]
    assert shares["two views and the prior"][:2] == ["0.15", "15"]
    assert shares["shape model"] == ["0.30", "30", "0.24", "0.36"]


def view(fill: float) -> ViewDetection:
    beam = ConeBeam(np.eye(4), np.ones(2), np.ones(2), np.ones(2), 4, 4)
    parts = (np.full((5, 4, 4), fill, dtype=np.float32), np.full((5, 7, 2), fill), np.full((5, 7), fill))
    return ViewDetection(beam, *parts, np.full(5, fill), np.zeros((5, 7, 2, 2)))


@pytest.mark.parametrize(
    ("swap", "landmarks", "decomposition"), [(TRUE_LANDMARKS, 1, 0), (TRUE_DECOMPOSITION, 0, 1), (BOTH_TRUE, 1, 1)]
)
def test_what_is_named_is_swapped_in(swap: str, landmarks: int, decomposition: int) -> None:
    found, true = Detection(view(0.0), view(0.0)), Detection(view(1.0), view(1.0))
    for mixed in end_to_end.swapped(found, true, swap).views:
        assert (mixed.decomposition == decomposition).all()
        assert (mixed.landmarks_px == landmarks).all() and (mixed.landmark_sigma_px == landmarks).all()
        assert (mixed.landmark_covariance_px2 is None) == bool(landmarks)
