"""Parameters of one vertebra (pose and modes) and the surface they move."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array, Indices
from lumbar3d.geometry import frames
from lumbar3d.shape.model import ShapeModel

POSE = 6


@dataclass(frozen=True, eq=False)
class Parameters:
    """Pose and shape: world = rotation @ instance(coefficients) + translation.

    Attributes
    ----------
    world_from_model : (4, 4) float64
    coefficients : (K,) float64
        All of the model's modes, in SD.
    """

    world_from_model: Array
    coefficients: Array

    def moved(self, step: Array, limit_sd: float) -> Parameters:
        """Apply [omega, translation, first modes], as ``FittedVertebra.moved``; coefficients stay within the limit."""
        rotation = self.world_from_model[:3, :3] @ frames.rotation_from_vector(step[:3])
        coefficients = self.coefficients.copy()
        coefficients[: len(step) - POSE] += step[POSE:]
        pose = frames.rigid(rotation, self.world_from_model[:3, 3] + step[3:POSE])
        return Parameters(pose, np.clip(coefficients, -limit_sd, limit_sd))


@dataclass(frozen=True, eq=False)
class FitSurface:
    """The decimated mesh and the landmarks of a model, laid out for the inner loops.

    Attributes
    ----------
    mean : (v + 7, 3) float64
        Fit vertices, then the seven landmarks, model frame, mm.
    modes : (v + 7, 3, K) float32
        mm per SD.
    faces : (f, 3) int32
    vertex_count : int
        v.
    """

    mean: Array
    modes: NDArray[np.float32]
    faces: Indices
    vertex_count: int

    def instance(self, coefficients: Array) -> Array:
        """Model-frame points (v + 7, 3)."""
        active = int(np.flatnonzero(coefficients).max(initial=-1)) + 1
        flat = self.modes.reshape(3 * len(self.mean), self.modes.shape[2])[:, :active]
        return self.mean + (flat @ coefficients[:active].astype(np.float32)).reshape(-1, 3)


@lru_cache(maxsize=16)
def fit_surface(model: ShapeModel) -> FitSurface:
    """The fit surface of a model, built once per process and model."""
    chosen = np.concatenate([model.fit_vertices, model.landmark_indices])
    return FitSurface(
        mean=model.mean[chosen],
        modes=np.ascontiguousarray(model.scaled_modes[chosen]),
        faces=model.fit_faces,
        vertex_count=len(model.fit_vertices),
    )
