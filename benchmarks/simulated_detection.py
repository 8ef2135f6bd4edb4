"""Simulated detection: a network as good as the paper's on a known spine, exact images with honest errors added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.drr.projector import Projector
from lumbar3d.geometry.calibration import BiplanarGeometry
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh

GRID = 512
PAPER_ERROR_MM = {
    "endplate": (1.53, 1.67),
    "tp": (3.02, 6.72),
    "pedicle": (1.47, 2.85),
    "sp": (4.38, 5.75),
}
"""Mean landmark error of the paper's network in AP and LAT, mm on the detector."""
KINDS = tuple(next(kind for kind in PAPER_ERROR_MM if kind in name) for name in LANDMARKS)
MEAN_TO_SIGMA = np.sqrt(2 / np.pi)
"""Mean length of a 2-D Gaussian error is sigma sqrt(pi / 2)."""


@dataclass(frozen=True)
class Degradation:
    """Errors put on the exact decomposition images."""

    blur_px: float = 0.8
    warp_px: float = 0.2
    """RMS of the smooth displacement of the image, per axis: what makes the silhouettes wrong."""
    warp_length_px: float = 6.0
    contrast_sd: float = 0.03
    """Smooth relative error of the opacity."""
    contrast_length_px: float = 12.0
    gain_sd: float = 0.02
    noise_sd: float = 0.01
    landmark_scale: float = 1.0

    def record(self) -> dict[str, float]:
        """For the result file."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Simulated:
    """A detection and how wrong its silhouettes are.

    Attributes
    ----------
    detection : Detection
    dice : (5, 2) float64
        Silhouette Dice of the degraded beside the exact decomposition, AP then LAT.
    """

    detection: Detection
    dice: Array


def simulate_detection(
    meshes: Sequence[TriangleMesh],
    landmarks_world: Array,
    geometry: BiplanarGeometry,
    rng: np.random.Generator,
    settings: Degradation,
    projector: Projector,
) -> Simulated:
    """Render the true meshes on the network grid, spoil images and landmarks (5, 7, 3)."""
    views, dice = [], []
    for index, beam in enumerate((geometry.ap, geometry.lat)):
        projection = network_grid(beam)
        exact = drr_from_path_length(projector.path_lengths_mm(meshes, projection))
        spoiled = np.stack([_spoil(channel, rng, settings) for channel in exact])
        sigma_mm = np.array([PAPER_ERROR_MM[kind][index] for kind in KINDS]) * MEAN_TO_SIGMA * settings.landmark_scale
        sigma_px = np.tile(sigma_mm / projection.pixel_spacing_mm[0], (len(meshes), 1))
        pixels = projection.project(landmarks_world)[0]
        pixels = pixels + sigma_px[..., None] * rng.normal(size=pixels.shape)
        views.append(ViewDetection(projection, spoiled, pixels, sigma_px, np.ones(len(meshes))))
        dice.append([_dice(a, b) for a, b in zip(exact, spoiled, strict=True)])
    ap, lat = views
    return Simulated(Detection(ap, lat), np.array(dice).T)


def network_grid(beam: Projection) -> Projection:
    """The square 512 grid that covers a detector."""
    step = max(beam.rows, beam.columns) / GRID
    first = (np.array([beam.columns, beam.rows]) - GRID * step) / 2 + (step - 1) / 2
    return beam.regrid(first, step, GRID, GRID)


def _spoil(channel: NDArray[np.float32], rng: np.random.Generator, settings: Degradation) -> NDArray[np.float32]:
    """Warp, blur, change contrast, add noise near the vertebra; stays in [0, 1]."""
    warp = [_smooth_field(channel.shape, settings.warp_length_px, rng) * settings.warp_px for _ in range(2)]
    grid = np.mgrid[: channel.shape[0], : channel.shape[1]].astype(np.float32)
    blurred = gaussian_filter(channel, settings.blur_px)
    image = map_coordinates(blurred, grid + np.stack(warp), order=1, mode="constant")
    contrast = _smooth_field(channel.shape, settings.contrast_length_px, rng) * settings.contrast_sd
    image = image * (1 + settings.gain_sd * rng.normal() + contrast)
    near = gaussian_filter((image > 0.02).astype(np.float32), 3.0)
    noisy = image + settings.noise_sd * near * rng.normal(size=channel.shape)
    return np.clip(noisy, 0, 1).astype(np.float32)


def _smooth_field(shape: tuple[int, ...], length_px: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Unit-variance Gaussian field."""
    field = gaussian_filter(rng.normal(size=shape).astype(np.float32), length_px, mode="wrap")
    return np.asarray(field / field.std(), dtype=np.float32)


def _dice(exact: NDArray[np.float32], spoiled: NDArray[np.float32], threshold: float = 0.1) -> float:
    a, b = exact > threshold, spoiled > threshold
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())
