"""Fracture modes: what a compression fracture adds to a sound vertebra, as displacement fields of unit variance.

``ssm_fracture.npz`` holds what all levels share: ``vertices`` (n,) i4 that a fracture moves, ``fields`` (n, 3, P) f2,
mm for one SD of the principal fields of drawn fractures, scalar functions ``roughness`` (n, J) f2, mm too, and
``models`` (5,), the SHA-256 of the five files that it was made for; and of each level ``normals_<level>`` (n, 3) f2.
How they are made: ``training.shape_model.fractures``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumbar3d.anatomy import LEVELS, Level
from lumbar3d.arrays import Indices

FRACTURE = "ssm_fracture"


@dataclass(frozen=True, eq=False)
class FractureModes:
    """What a fracture adds to one level, kept small: only its body moves.

    Attributes
    ----------
    vertices : (n,) int32
        That move, in the model's order.
    fields : (n, 3, P) float32
        mm for one SD of each mode.
    normals : (n, 3) float32
        Of the mean.
    roughness : (n, J) float32
        mm for one SD along the normals: what is broken is also rough. Two views do not show it, a surface does.
    """

    vertices: Indices
    fields: NDArray[np.float32]
    normals: NDArray[np.float32]
    roughness: NDArray[np.float32]

    def displacements(self, vertex_count: int, detailed: bool) -> NDArray[np.float32]:
        """The modes (V, 3, P) on all vertices, or with those of the roughness after them (V, 3, P + J)."""
        rough = self.normals[:, :, None] * self.roughness[:, None, :]
        moved = np.concatenate([self.fields, rough], axis=2) if detailed else self.fields
        whole = np.zeros((vertex_count, 3, moved.shape[2]), dtype=np.float32)
        whole[self.vertices] = moved
        return whole


def read_modes(path: Path, checksums: Sequence[str | None]) -> Mapping[Level, FractureModes]:
    """Fracture modes of each level; none where the file was made for other models than those of these SHA-256."""
    with np.load(path, allow_pickle=False) as data:
        if data["models"].tolist() != list(checksums):
            return {}
        vertices, fields = data["vertices"].astype(np.int32), data["fields"].astype(np.float32)
        roughness = data["roughness"].astype(np.float32)
        return {
            level: FractureModes(vertices, fields, data[f"normals_{level}"].astype(np.float32), roughness)
            for level in LEVELS
        }
