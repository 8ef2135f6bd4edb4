"""Known spine: every number of it, its films, and a detector that sees it perfectly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from lumbar3d.contracts import Calibration
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.edits import Prompt
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel

LEANS_DEG = (-9.0, -4.0, 2.0, 10.0, 21.0)
SHOWN_MODES = 40
"""All others are zero."""
OFFSETS_MM = ((-2.0, 0.0, 72.0), (3.0, 1.0, 36.5), (6.0, 0.5, 0.0), (5.0, -0.5, -36.0), (-2.0, 0.0, -70.0))


def known_spine(models: tuple[ShapeModel, ...], seed: int = 5) -> list[FittedVertebra]:
    """One person of the models in a lordosis, a few degrees of tilt and rotation each."""
    rng = np.random.default_rng(seed)
    loadings = models[0].shared_loadings
    factors = models[0].rank if loadings is None else max(models[0].rank, loadings.shape[1])
    shared, spine = rng.normal(size=factors), []
    for model, lean, offset in zip(models, LEANS_DEG, OFFSETS_MM, strict=True):
        turn = frames.rotation_from_vector(np.radians([rng.normal(0, 2), lean, rng.normal(0, 3)]))
        shape = np.where(np.arange(model.rank) < SHOWN_MODES, 0.7 * _like_the_others(model, shared, rng), 0.0)
        spine.append(FittedVertebra(model, frames.rigid(turn, np.array(offset)), shape, np.eye(6 + model.rank)))
    return spine


def _like_the_others(model: ShapeModel, shared: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Coefficients (K,) of one level of a person with these factors; only as many as the models share are used."""
    if model.shared_loadings is None:
        return rng.normal(size=model.rank)
    loadings = model.shared_loadings
    values, vectors = np.linalg.eigh(np.eye(model.rank) - loadings @ loadings.T)
    own = vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.normal(size=model.rank))
    drawn: NDArray[np.float64] = loadings @ shared[: loadings.shape[1]] + own
    return drawn


@dataclass(frozen=True, eq=False)
class PerfectDetector:
    """Draws a known spine as the network should have seen it, with small honest errors.

    Attributes
    ----------
    spine : list of FittedVertebra
    shift_px : (2,) float
        How far the LAT detection is moved in (u, v): what a wrong calibration looks like.
    """

    spine: list[FittedVertebra]
    shift_px: tuple[float, float] = (0.0, 0.0)

    def detect(self, ap: NetworkView, lat: NetworkView, *, prompts: Sequence[Prompt] = ()) -> Detection:
        levels = tuple(vertebra.level for vertebra in self.spine)
        return Detection(self._view(ap, (0.0, 0.0)), self._view(lat, self.shift_px), levels=levels)

    def _view(self, view: NetworkView, shift_px: tuple[float, float]) -> ViewDetection:
        """On pixels twice as large, as the real network answers."""
        coarse = view.projection.downsampled(2)
        moved = coarse.regrid(-np.array(shift_px), 1, coarse.rows, coarse.columns)
        opacity = drr_from_path_length(CpuProjector().path_lengths_mm([v.mesh_world() for v in self.spine], moved))
        blurred = np.stack([gaussian_filter(channel, 0.8) for channel in opacity])
        rng = np.random.default_rng([8, len(view.view)])
        landmarks, _ = moved.project(np.stack([v.landmarks_world() for v in self.spine]))
        noisy = landmarks + rng.normal(scale=0.8, size=landmarks.shape)
        return ViewDetection(coarse, blurred, noisy, np.full(landmarks.shape[:2], 0.8), np.ones(len(landmarks)))


def write_films(spine: list[FittedVertebra], calibration: Calibration, folder: Path) -> tuple[Path, Path]:
    """16-bit PNGs of the bare bones behind a smooth body."""
    geometry = build_geometry(calibration)
    paths = []
    for name, beam in (("ap", geometry.ap), ("lat", geometry.lat)):
        bone = CpuProjector().path_lengths_mm([vertebra.mesh_world() for vertebra in spine], beam).sum(axis=0)
        v, u = np.mgrid[: beam.rows, : beam.columns]
        body: NDArray[np.floating] = 120.0 - (abs(u - beam.columns / 2) + abs(v - beam.rows / 2)) / 12
        path = folder / f"{name}.png"
        Image.fromarray((200 * (bone + body)).astype(np.uint16)).save(path)
        paths.append(path)
    return paths[0], paths[1]
