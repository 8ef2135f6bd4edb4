"""Random vertebrae of one level, drawn from the prior of its statistical model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import volume_mm3
from lumbar3d.shape.model import ShapeModel
from training.radiographs.cortex import cortex_mm

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LocalShape:
    """A drawn shape in its own frame, with its two plate frames (z out of the body's top, x anterior)."""

    vertices: Array
    landmarks: Array
    superior: Array
    inferior: Array
    thickness_mm: Array


class ShapeSampler:
    """Draws shapes of one level on the decimated mesh only."""

    def __init__(self, model: ShapeModel) -> None:
        rims = [model.patches["plate_sup_rim"], model.patches["plate_inf_rim"]]
        groups = [model.fit_vertices, model.landmark_indices, *rims]
        self._ends = np.cumsum([len(group) for group in groups])[:-1]
        used = np.concatenate(groups)
        self._mean, self._modes = model.mean[used], model.scaled_modes[used]
        self.faces = model.fit_faces
        self._rank = model.rank
        self._cortex_mm = cortex_mm(model)
        self._size_direction = self._find_size_direction()

    def _find_size_direction(self) -> Array:
        """Unit coefficient vector along which the volume grows fastest."""
        count = self._ends[0]
        base = volume_mm3(self._mean[:count], self.faces)
        steps = [volume_mm3((self._mean + self._modes[..., k])[:count], self.faces) for k in range(self._rank)]
        gradient = np.array(steps) - base
        return np.asarray(gradient / np.linalg.norm(gradient))

    def draw(self, size_sd: float, spread: float, stretch: Array, rng: np.random.Generator) -> LocalShape:
        """One shape: the size shared along the spine, every other direction of the prior free."""
        free = rng.standard_normal(self._rank) * spread
        along = self._size_direction
        coefficients = free + (0.9 * size_sd - 0.56 * (free @ along)) * along
        points = self._mean + self._modes @ np.clip(coefficients, -3.0, 3.0).astype(np.float32)
        if rng.random() < 0.04:
            points = _collapsed(points, rng)
        points = points * stretch
        vertices, landmarks, sup, inf = np.split(points, self._ends)
        return LocalShape(vertices, landmarks, plate_frame(sup), plate_frame(inf), self._cortex_mm)


def narrowed(shape: LocalShape) -> LocalShape:
    """Thoracic vertebrae have short transverse processes."""
    vertices = shape.vertices.copy()
    side = np.abs(vertices[:, 1])
    vertices[:, 1] = np.sign(vertices[:, 1]) * np.where(side > 20.0, 20.0 + 0.35 * (side - 20.0), side)
    return LocalShape(vertices, shape.landmarks, shape.superior, shape.inferior, shape.thickness_mm)


def _collapsed(points: Array, rng: np.random.Generator) -> Array:
    """Compression fracture: the front of the body loses up to a third of its height."""
    front = np.clip((points[:, 0] + 18.0) / 36.0, 0.0, 1.0)
    out = points.copy()
    out[:, 2] *= 1.0 - rng.uniform(0.1, 0.35) * front
    return out


def plate_frame(rim: Array) -> Array:
    """Local frame on an endplate: origin its centre, z its upward normal, x anterior."""
    centre = rim.mean(axis=0)
    normal = np.linalg.svd(rim - centre, full_matrices=False)[2][2]
    normal = normal if normal[2] > 0 else -normal
    left = np.cross(normal, [1.0, 0.0, 0.0])
    left /= np.linalg.norm(left)
    return frames.rigid(np.column_stack([np.cross(left, normal), left, normal]), centre)
