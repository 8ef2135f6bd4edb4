"""Cases of the registration benchmark: known people, their spoiled images, and the score of what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import lone_l1
from benchmarks.simulated_detection import Degradation, Simulated, simulate_detection
from benchmarks.subjects import SOURCES, RealSubject
from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import LevelQuality
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.registration.result import Registration
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.fitted import FittedVertebra

SEED = 2026
CONDITIONS = {
    "as the design": Degradation(),
    "worse images": Degradation(warp_px=0.6, noise_sd=0.02, contrast_sd=0.06),
    "landmark errors x2": Degradation(landmark_scale=2.0),
}
_PLACES = {name: place for place, name in enumerate((*SOURCES, *lone_l1.FILES))}


@dataclass(frozen=True)
class LevelError:
    """One reconstructed vertebra against the truth.

    ``mean_mm``, ``body_mm`` and ``posterior_mm``: mean distance of the reconstruction's vertices to the true surface;
    ``hausdorff_mm`` is symmetric; ``surface_sigma_mm`` and ``dice`` are what the fit itself claims, 0 where it was not
    asked; ``flag``, ``reasons``, ``height_loss`` and ``surprise`` what the quality says, if it was asked.
    """

    level: str
    deformed: bool
    mean_mm: float
    body_mm: float
    posterior_mm: float
    hausdorff_mm: float
    surface_sigma_mm: float = 0.0
    dice: float = 0.0
    flag: str = ""
    reasons: tuple[str, ...] = ()
    height_loss: float = 0.0
    surprise: float = 0.0


@dataclass(frozen=True, eq=False)
class RegistrationCase:
    """One person under one condition and one draw of the errors."""

    condition: str
    subject: RealSubject
    draw: int
    simulated: Simulated


def simulate(subject: RealSubject, condition: str, draw: int) -> RegistrationCase:
    """Spoil one person's exact images with a seed of its own."""
    rng = np.random.default_rng([SEED, draw, _PLACES[subject.name]])
    meshes = [subject.meshes_world[level] for level in LEVELS]
    landmarks = np.stack([subject.landmarks_world[level] for level in LEVELS])
    settings = CONDITIONS[condition]
    seen = simulate_detection(meshes, landmarks, subject.geometry, rng, settings, CpuProjector())
    return RegistrationCase(condition, subject, draw, seen)


def score(subject: RealSubject, fitted: Registration, row: int, quality: LevelQuality | None = None) -> LevelError:
    """Errors of one vertebra of a finished fit."""
    sigma, dice = float(fitted.surface_sigma_mm[row]), float(fitted.silhouette_dice[row].mean())
    errors = distances(subject, fitted.vertebrae[row])
    claimed = replace(errors, surface_sigma_mm=sigma, dice=dice, surprise=float(fitted.neighbour_surprise[row]))
    if quality is None:
        return claimed
    loss = float(quality.height_loss or 0.0)
    return replace(claimed, flag=quality.flag, reasons=quality.reasons, height_loss=loss)


def score_unjudged(subject: RealSubject, vertebrae: Sequence[FittedVertebra]) -> tuple[LevelError, ...]:
    """Errors of a fit that stopped on its way."""
    return tuple(distances(subject, vertebra) for vertebra in vertebrae)


def distances(subject: RealSubject, vertebra: FittedVertebra) -> LevelError:
    """Surfaces compared; what the fit claims is left empty."""
    truth, mesh = subject.meshes_world[vertebra.level], vertebra.mesh_world()
    found = vertex_to_surface_mm(mesh.vertices, truth)
    posterior = np.zeros(len(found), dtype=bool)
    posterior[vertebra.model.patches["posterior"]] = True
    return LevelError(
        level=vertebra.level,
        deformed=vertebra.level in subject.deformed_levels,
        mean_mm=float(found.mean()),
        body_mm=float(found[~posterior].mean()),
        posterior_mm=float(found[posterior].mean()),
        hausdorff_mm=float(max(found.max(), vertex_to_surface_mm(truth.vertices, mesh).max())),
    )
