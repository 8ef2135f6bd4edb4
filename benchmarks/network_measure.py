"""Detection errors on one film against the truth: the figures of the paper's Tables 1 to 3.

Decomposition images by Dice, PSNR and SSIM (as the paper reports them, on the single image of all vertebrae),
landmarks by mean distance and successful detection rate (SDR). Distances are in mm at the landmark: pixels x
spacing / magnification there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from lumbar3d.anatomy import LANDMARK_GROUPS, LANDMARKS
from lumbar3d.arrays import Array
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.detection.result import ViewDetection
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.training.network.calibrate import stated_covariance_px2
from lumbar3d.training.radiographs.fields import shrink
from lumbar3d.training.radiographs.simulate import LabelledView

Measured = dict[str, Any]

SILHOUETTE = 0.05
"""Opacity from which a pixel belongs to a vertebra (1.4 mm of bone)."""
SDR_MM = (2.0, 4.0, 6.0)


@dataclass(frozen=True, eq=False)
class ViewTruth:
    """Truth of the first n levels as a perfect network would give it, on the grid of a ``ViewDetection``.

    Attributes
    ----------
    decomposition : (n, rows, columns) float32
    landmarks_px : (n, 7, 2) float64
        NaN for a landmark that is not to be measured.
    depths_mm : (n, 7) float64
        From the source to each landmark along the detector's normal.
    """

    decomposition: NDArray[np.float32]
    landmarks_px: Array
    depths_mm: Array


def network_view(view: LabelledView) -> NetworkView:
    """As the service would hand the film to the detector: in the orientation of its calibration."""
    flips = flips_to_canonical(view.projection, view.view)
    return NetworkView(flips.image(view.pixels), view.projection, view.view)


def landmarks_px(view: LabelledView) -> Array:
    """Landmarks (5, 7, 2) on the grid of a ``ViewDetection``, of a film on the full grid."""
    points = flips_to_canonical(view.projection, view.view).points(view.landmarks_px, view.projection)
    return np.asarray((points - (GRID_STEP - 1) / 2) / GRID_STEP)


def simulated_truth(view: LabelledView) -> ViewTruth:
    """Of a film on the full grid."""
    flips = flips_to_canonical(view.projection, view.view)
    return ViewTruth(shrink(flips.image(view.opacity), GRID_STEP), landmarks_px(view), view.depths_mm)


def measure(truth: ViewTruth, found: ViewDetection) -> Measured:
    """Errors of one view."""
    count = len(truth.decomposition)
    levels = truth.decomposition, found.decomposition[:count]
    exact, said = (1.0 - np.prod(1.0 - images, axis=0) for images in levels)
    error = found.landmarks_px[:count] - truth.landmarks_px
    return {
        "dice": dice(exact, said),
        "dice_per_level": np.array([dice(*pair) for pair in zip(*levels, strict=True)]),
        "psnr_db": float(-10.0 * np.log10(np.mean((said - exact) ** 2))),
        "ssim": float(structural_similarity(exact, said, data_range=1.0)),
        "landmark_mm": np.linalg.norm(error * found.projection.mm_per_px(truth.depths_mm), axis=-1),
        "landmark_error_px": error * GRID_STEP,
        "landmark_covariance_px2": stated_covariance_px2(found)[:count] * GRID_STEP**2,
        "mislabelled": misnamed(truth.landmarks_px, found.landmarks_px),
        "confidence": found.confidence,
    }


def dice(truth: NDArray[np.floating[Any]], found: NDArray[np.floating[Any]]) -> float:
    """Overlap of two silhouettes."""
    a, b = truth > SILHOUETTE, found > SILHOUETTE
    return float(2.0 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def misnamed(truth_px: Array, found_px: Array) -> int:
    """Of the first n levels, those that another name than theirs lies nearest to, by the middle of the end plates.

    Landmarks (n, 7, 2) and (5, 7, 2).
    """
    middles, found = (points[:, LANDMARK_GROUPS["endplate"]].mean(axis=1) for points in (truth_px, found_px))
    nearest = np.linalg.norm(found - middles[:, None], axis=-1).argmin(axis=1)
    return int((nearest != np.arange(len(middles))).sum())


def summary(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over the films of one view, and the table of landmark errors; NaN landmarks are in no mean."""
    error_mm = np.stack([result["landmark_mm"] for result in results])
    table: dict[str, Any] = {
        name: round(float(np.mean([result[name] for result in results])), 4) for name in ("dice", "psnr_db", "ssim")
    }
    table["dice_per_level"] = np.mean([result["dice_per_level"] for result in results], axis=0).round(4).tolist()
    for kind, which in {"all": tuple(range(len(LANDMARKS))), **LANDMARK_GROUPS}.items():
        part = error_mm[..., which]
        part = part[np.isfinite(part)]
        rates = {f"sdr_{limit:.0f}mm_percent": round(100.0 * float((part < limit).mean()), 1) for limit in SDR_MM}
        table[f"landmark_{kind}"] = {"mean_mm": round(float(part.mean()), 3), **rates}
    table["largest_landmark_error_mm"] = round(float(np.nanmax(error_mm)), 1)
    table["mislabelled_levels"] = int(sum(result["mislabelled"] for result in results))
    return table
