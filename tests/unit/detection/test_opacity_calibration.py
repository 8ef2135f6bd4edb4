"""Opacity calibration: the curve, and its measurement from crops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lumbar3d.detection.opacity_calibration import OpacityCalibration  # noqa: E402
from lumbar3d.training.network.opacity_calibration import (  # noqa: E402
    HELD_OUT_BLOCK,
    binned,
    curve,
    measure,
)


def test_curve_keeps_nothing_and_everything_and_rises_between() -> None:
    calibration = OpacityCalibration(np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.3, 1.0]))
    opacity = np.array([[0.0, 0.1], [0.2, 1.0]], dtype=np.float32)
    assert calibration.of(opacity) == pytest.approx(np.array([[0.0, 0.15], [0.3, 1.0]]))
    assert calibration.of(opacity).dtype == np.float32


def test_none_changes_nothing() -> None:
    opacity = np.linspace(0.0, 1.0, 7, dtype=np.float32)
    assert OpacityCalibration.none().of(opacity) == pytest.approx(opacity)


def test_record_is_read_back_and_what_falls_is_not() -> None:
    calibration = OpacityCalibration(np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.3, 1.0]))
    again = OpacityCalibration.from_record(calibration.record())
    assert np.array_equal(again.drawn, calibration.drawn) and np.array_equal(again.meant, calibration.meant)
    broken: list[dict[str, Any]] = [
        {},
        {"drawn": [0.0, 1.0], "meant": [0.0]},
        {"drawn": [0.0, 0.0, 1.0], "meant": [0.0, 0.5, 1.0]},
        {"drawn": [0.0, 0.5, 1.0], "meant": [0.0, 0.9, 0.8]},
        {"drawn": ["faint"], "meant": [0.0]},
    ]
    for record in broken:
        with pytest.raises((KeyError, TypeError, ValueError)):
            OpacityCalibration.from_record(record)


def test_curve_is_the_mean_truth_where_so_much_is_drawn() -> None:
    drawn = np.array([0.0, 0.04, 0.04, 0.25, 0.25, 0.85], dtype=np.float32)
    truth = np.array([0.9, 0.05, 0.07, 0.2, 0.4, 0.8], dtype=np.float32)
    found = curve(*binned(drawn, truth))
    assert found.drawn == pytest.approx([0.0, 0.04, 0.25, 0.85, 1.0])
    assert found.meant == pytest.approx([0.0, 0.06, 0.3, 0.8, 1.0])


def test_curve_rises_where_the_means_fall() -> None:
    drawn = np.array([0.25, 0.35, 0.35, 0.35], dtype=np.float32)
    found = curve(*binned(drawn, np.array([0.5, 0.3, 0.3, 0.3], dtype=np.float32)))
    assert found.meant == pytest.approx([0.0, 0.35, 0.35, 1.0])


class FaintRefiner:
    """Draws half of the guide's vertebra, wherever it is asked."""

    def run(self, _names: object, inputs: dict[str, Any]) -> list[Any]:
        n = len(inputs["film"])
        assert n == 3  # the frontal crop mirrored, too
        drawn = np.repeat(np.repeat(inputs["guide"][:, 0], 2, axis=1), 2, axis=2) / 2
        return [drawn, np.zeros((n, 7, 2), np.float32), np.zeros((n, 7, 2, 2), np.float32)]


class KnownCrops:
    """A frontal and a lateral crop whose true opacity is 0.5 on the left half, as the guide says."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        assert index == HELD_OUT_BLOCK
        guide, truth = torch.zeros(2, 2, 80, 80), torch.zeros(2, 1, 160, 160)
        guide[:, 0, :, :40] = truth[..., :80] = 0.5
        code = torch.zeros(2, 7)
        code[:, 1], code[1, 0] = 1.0, 1.0
        image = torch.zeros(2, 1, 160, 160)
        return {"image": image, "guide": guide, "code": code, "opacity": (truth * 255).to(torch.uint8)}


def test_a_refiner_that_draws_half_is_told_the_double() -> None:
    found = measure(FaintRefiner(), KnownCrops(), 1)  # type: ignore[arg-type]
    for view in ("ap", "lat"):
        assert found[view].of(np.array([0.25], dtype=np.float32)) == pytest.approx(127 / 255, abs=1e-3)
