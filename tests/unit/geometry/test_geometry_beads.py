"""A view is found again from the beads of a phantom, and a phantom that cannot tell is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lumbar3d.contracts import Calibration, GeometryView
from lumbar3d.errors import CalibrationError, DegenerateGeometryError
from lumbar3d.geometry.beads import Detector, fit_view
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.handedness import turned_over

DETECTOR = Detector((0.42, 0.42), 1024, 1024)
TURN = np.pi / 3


def phantom() -> np.ndarray:
    """Twenty beads on two helices around the vertical axis, 200 mm high: (20, 3)."""
    steps = np.arange(10)
    helices = [
        np.stack([70 * np.cos(steps * TURN + start), 60 * np.sin(steps * TURN + start), 20.0 * steps - 90], axis=1)
        for start in (0.0, 2.2)
    ]
    return np.concatenate(helices)


def seen(view: GeometryView, beads: np.ndarray, noise_px: float = 0.0) -> np.ndarray:
    """Pixels of the beads by the contract's own words: where the ray from the source meets the detector."""
    u, v = np.array(view.detector_u_axis), np.array(view.detector_v_axis)
    origin, source = np.array(view.detector_origin_mm), np.array(view.source_mm)
    normal = np.cross(u, v)
    reach = ((origin - source) @ normal) / ((beads - source) @ normal)
    on_plane = source + reach[:, None] * (beads - source) - origin
    pixels = np.stack([on_plane @ u, on_plane @ v], axis=1) / view.pixel_spacing_mm
    return pixels + np.random.default_rng(7).normal(scale=noise_px, size=pixels.shape)


def corners_mm(view: GeometryView) -> np.ndarray:
    u, v = np.array(view.detector_u_axis), np.array(view.detector_v_axis)
    return np.array([np.add(view.detector_origin_mm, a * u + b * v) for a in (0, 430) for b in (0, 430)])


@pytest.mark.parametrize("name", ["ap", "lat"])
@pytest.mark.parametrize("is_behind", [False, True])
def test_exact_beads_give_the_view_back(calibration: Calibration, name: str, is_behind: bool) -> None:
    truth: Any = getattr(calibration, name)
    truth = turned_over(truth) if is_behind else truth
    fit = fit_view(phantom(), seen(truth, phantom()), DETECTOR)
    np.testing.assert_allclose(fit.view.source_mm, truth.source_mm, atol=1e-4)
    np.testing.assert_allclose(corners_mm(fit.view), corners_mm(truth), atol=1e-4)
    assert np.abs(fit.residual_px).max() < 1e-6 and np.abs(fit.left_out_px).max() < 1e-6


def test_noise_moves_the_answer_as_much_as_its_standard_error_says(calibration: Calibration) -> None:
    truth = calibration.ap
    assert isinstance(truth, GeometryView)
    fit = fit_view(phantom(), seen(truth, phantom(), 0.3), DETECTOR)
    error_mm = np.linalg.norm(np.subtract(fit.view.source_mm, truth.source_mm))
    assert 0.5 < fit.source_sd_mm < 10.0
    assert error_mm < 4 * fit.source_sd_mm
    rms = np.sqrt((fit.residual_px**2).mean())
    assert 0.15 < rms < 0.35
    assert np.sqrt((fit.left_out_px**2).mean()) > rms
    turned = turned_over(truth)
    again = fit_view(phantom(), np.array([1023.0, 0.0]) + seen(truth, phantom(), 0.3) * [-1, 1], DETECTOR)
    # Two searches for one minimum stop some 1e-5 px apart, elsewhere with every BLAS kernel.
    np.testing.assert_allclose(again.residual_px, fit.residual_px * [-1, 1], atol=1e-3)
    np.testing.assert_allclose(again.view.detector_origin_mm, turned.detector_origin_mm, atol=40)
    assert build_geometry(calibration.model_copy(update={"ap": again.view})).seen_from_behind == (True, False)


def test_a_wrong_bead_shows_in_the_fit_without_it(calibration: Calibration) -> None:
    truth = calibration.lat
    assert isinstance(truth, GeometryView)
    pixels = seen(truth, phantom(), 0.1)
    pixels[7] += [3.0, -2.0]
    fit = fit_view(phantom(), pixels, DETECTOR)
    assert np.linalg.norm(fit.left_out_px, axis=1).argmax() == 7


def _flat(beads: np.ndarray) -> np.ndarray:
    return beads * [1.0, 1.0, 0.001]


def _line(beads: np.ndarray) -> np.ndarray:
    return beads[:, 2:] * [[0.1, 0.2, 1.0]]


def _one_place(beads: np.ndarray) -> np.ndarray:
    return np.zeros_like(beads)


@pytest.mark.parametrize("spoil", [_flat, _line, _one_place])
def test_beads_without_depth_are_refused(calibration: Calibration, spoil: Any) -> None:
    beads = spoil(phantom())
    assert isinstance(calibration.ap, GeometryView)
    with pytest.raises(DegenerateGeometryError, match="plane or on a line"):
        fit_view(beads, seen(calibration.ap, beads), DETECTOR)


def test_too_few_or_too_close_beads_are_refused(calibration: Calibration) -> None:
    view = calibration.ap
    assert isinstance(view, GeometryView)
    with pytest.raises(DegenerateGeometryError, match="8 beads are needed, found 7"):
        fit_view(phantom()[:7], seen(view, phantom()[:7]), DETECTOR)
    small = phantom() * 0.05
    with pytest.raises(DegenerateGeometryError, match="do not say where the source is"):
        fit_view(small, seen(view, small, 0.3), DETECTOR)


def test_pairs_in_the_wrong_order_are_refused(calibration: Calibration) -> None:
    view = calibration.ap
    assert isinstance(view, GeometryView)
    pixels = seen(view, phantom())
    pixels[[3, 12]] = pixels[[12, 3]]
    with pytest.raises(CalibrationError, match=r"do not belong together|behind the source"):
        fit_view(phantom(), pixels, DETECTOR)
