"""Checkpoints of a build, one file per mesh, so that it can be stopped and run again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array, Indices
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.cohort.correspondence import Correspondence
from lumbar3d.training.cohort.errors import CohortError

Arrays = dict[str, NDArray[Any]]

METHOD = b"cohort-1"
"""Changes when the steps do: what an older method left in a work folder is not used."""
COHORT = "cohort.npz"


@dataclass(frozen=True)
class Prepared:
    """A re-meshed vertebra in its own frame.

    Attributes
    ----------
    mesh : TriangleMesh
    landmarks : (7, 3) float64
        NaN where missing.
    closed : bool
    """

    mesh: TriangleMesh
    landmarks: Array
    closed: bool


@dataclass(frozen=True)
class Cohort:
    """All shapes in correspondence, in the model's frame.

    Attributes
    ----------
    shapes : (N, V, 3) float32
        mm.
    faces : (F, 3) int32
    """

    shapes: NDArray[np.float32]
    faces: Indices


@dataclass(frozen=True)
class WorkFolder:
    """Folder of a build's finished steps, by a digest of everything they depend on."""

    folder: Path

    def prepared(self, key: str) -> Prepared | None:
        """A mesh that an earlier run re-meshed."""
        data = _read(self.folder / f"mesh-{key}.npz")
        if data is None:
            return None
        mesh = TriangleMesh(data["vertices"], data["faces"])
        return Prepared(mesh, data["landmarks"], bool(data["closed"]))

    def keep_prepared(self, key: str, item: Prepared) -> None:
        """Store a re-meshed mesh."""
        mesh = item.mesh
        arrays: Arrays = {"vertices": mesh.vertices, "faces": mesh.faces, "landmarks": item.landmarks}
        _write(self.folder / f"mesh-{key}.npz", arrays | {"closed": np.array(item.closed)})

    def correspondence(self, reference: str, key: str) -> Correspondence | None:
        """The reference on a mesh, fitted by an earlier run."""
        data = _read(self.folder / f"fit-{reference}-{key}.npz")
        return None if data is None else Correspondence(data["vertices"], data["seen"], data["landmarks"])

    def keep_correspondence(self, reference: str, key: str, item: Correspondence) -> None:
        """Store a fit."""
        arrays = {"vertices": item.vertices, "seen": item.seen, "landmarks": item.landmarks}
        _write(self.folder / f"fit-{reference}-{key}.npz", arrays)

    def keep_cohort(self, cohort: Cohort) -> None:
        """Store the finished cohort, for the report."""
        _write(self.folder / COHORT, {"shapes": cohort.shapes, "faces": cohort.faces})

    def cohort(self) -> Cohort:
        """The finished cohort.

        Raises
        ------
        CohortError
            No build has finished in this folder.
        """
        data = _read(self.folder / COHORT)
        if data is None:
            raise CohortError(f"{self.folder.name}: no finished build in this folder (lumbar3d ssm build --work)")
        return Cohort(data["shapes"], data["faces"])


def key_of(path: Path, landmarks: Array, label: int) -> str:
    """Digest of a mesh file, its landmarks and its label: what the stored steps of this mesh depend on."""
    digest = hashlib.sha256(METHOD)
    digest.update(path.read_bytes())
    digest.update(np.ascontiguousarray(landmarks).tobytes())
    digest.update(str(label).encode())
    return digest.hexdigest()[:16]


def _read(path: Path) -> Arrays | None:
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def _write(path: Path, arrays: Arrays) -> None:
    """Whole or not at all: a build may be stopped at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    part.replace(path)
