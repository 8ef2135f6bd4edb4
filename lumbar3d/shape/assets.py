"""Assets: shape models and network files, each checked against the manifest before use.

``ssm_assets/manifest.json``::

    {"version": "1", "assets": [{"name": "ssm_L1", "file": "ssm_L1.npz", "sha256": "...", "version": "...",
                                 "units": "mm", "provenance": "...", "licence": "..."}, ...]}

A shape model file is an ``.npz`` with mean (V, 3) f4, faces (F, 3) i4, mode_basis (V, J) f2, mode_mixing (J, 3, K) f4,
eigenvalues (K,) f4, landmark_indices (7,) i4, fit_vertices (v,) i4, fit_faces (f, 3) i4 and one ``patch_<name>``
(n,) i4 per label. The modes are the product ``sum_j mode_basis[v, j] * mode_mixing[j, axis, k]``: all axes share the
scalar functions of the basis, which makes the file a tenth of the modes themselves.

``ssm_joint.npz`` holds what the levels share (``shape.joint_prior``): loadings (5, K, r) f4 and models (5,), the
SHA-256 of
the five files it was made for. It is used for these only: with other models, or without it, the levels are independent.
``ssm_fracture.npz`` (``shape.fracture_modes``) is bound to them in the same way: without it, no level can be broken.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lumbar3d.anatomy import LEVELS, Level
from lumbar3d.arrays import Array
from lumbar3d.contracts import AssetRecord
from lumbar3d.errors import AssetError
from lumbar3d.shape.fracture_modes import FRACTURE, FractureModes, read_modes
from lumbar3d.shape.model import ShapeModel

PATCH_PREFIX = "patch_"
JOINT = "ssm_joint"

_log = logging.getLogger(__name__)


def default_asset_directory() -> Path:
    """``LUMBAR3D_ASSETS`` or the ``ssm_assets`` folder that comes with the package."""
    return Path(os.environ.get("LUMBAR3D_ASSETS") or Path(__file__).resolve().parents[1] / "ssm_assets")


@dataclass(frozen=True)
class AssetStore:
    """A directory of assets with its manifest."""

    directory: Path
    records: dict[str, dict[str, str]]

    @classmethod
    def open(cls, directory: Path | None = None) -> AssetStore:
        """Read the manifest.

        Raises
        ------
        AssetError
            No manifest, or not readable.
        """
        directory = directory or default_asset_directory()
        try:
            manifest = json.loads((directory / "manifest.json").read_text())
            return cls(directory, {record["name"]: record for record in manifest["assets"]})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AssetError("the asset manifest is missing or unreadable") from error

    def path(self, name: str) -> Path:
        """Path of an asset whose SHA-256 equals the manifest's.

        Raises
        ------
        AssetError
            Not in the manifest, missing, or changed.
        """
        record = self.records.get(name)
        if record is None:
            raise AssetError(f"asset {name} is not in the manifest")
        path = self.directory / record["file"]
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise AssetError(f"asset {name} is missing") from error
        if digest != record["sha256"]:
            raise AssetError(f"asset {name} does not match its checksum")
        return path

    def describe(self, name: str) -> AssetRecord:
        """Record of an asset in a result."""
        record = self.records[name]
        return AssetRecord(name=name, sha256=record["sha256"], version=record["version"])


def load_shape_models(store: AssetStore, levels: Sequence[Level] = LEVELS) -> tuple[ShapeModel, ...]:
    """The shape models of some levels, checked and in float, with what they share.

    Raises
    ------
    AssetError
        A file is not in the manifest, missing, or changed; there are models of L1 to L5 only.
    """
    shared = _load_shared(store)
    models = tuple(_load(store, level, shared.get(level)) for level in levels)
    fractures = _load_fractures(store)
    return tuple(replace(model, fractures=fractures.get(model.level)) for model in models)


def _load_shared(store: AssetStore) -> dict[Level, Array]:
    """Loadings by level; none where the joint prior was not made for these models."""
    if JOINT not in store.records:
        return {}
    with np.load(store.path(JOINT), allow_pickle=False) as data:
        made_for, loadings = data["models"].tolist(), data["loadings"].astype(np.float64)
    if made_for != _checksums(store):
        _log.warning("the joint prior was made for other shape models; levels are fitted independently")
        return {}
    return dict(zip(LEVELS, loadings, strict=True))


def _load_fractures(store: AssetStore) -> Mapping[Level, FractureModes]:
    """Fracture modes by level; none where they were not made for these models."""
    if FRACTURE not in store.records:
        return {}
    found = read_modes(store.path(FRACTURE), _checksums(store))
    if not found:
        _log.warning("the fracture modes were made for other shape models; no level is fitted as broken")
    return found


def _checksums(store: AssetStore) -> list[str | None]:
    """SHA-256 of the models of L1 to L5."""
    return [store.records.get(f"ssm_{level}", {}).get("sha256") for level in LEVELS]


def _load(store: AssetStore, level: str, shared_loadings: Array | None) -> ShapeModel:
    name = f"ssm_{level}"
    path = store.path(name)
    with np.load(path, allow_pickle=False) as data:
        modes = np.tensordot(data["mode_basis"].astype(np.float32), data["mode_mixing"], axes=1)
        eigenvalues = data["eigenvalues"].astype(np.float64)
        return ShapeModel(
            level=level,
            mean=data["mean"].astype(np.float64),
            faces=data["faces"].astype(np.int32),
            scaled_modes=np.multiply(modes, np.sqrt(eigenvalues), out=modes, casting="same_kind"),
            eigenvalues=eigenvalues,
            landmark_indices=data["landmark_indices"].astype(np.int32),
            patches={
                key.removeprefix(PATCH_PREFIX): data[key].astype(np.int32)
                for key in data.files
                if key.startswith(PATCH_PREFIX)
            },
            fit_vertices=data["fit_vertices"].astype(np.int32),
            fit_faces=data["fit_faces"].astype(np.int32),
            version=store.records[name]["version"],
            sha256=store.records[name]["sha256"],
            shared_loadings=shared_loadings,
        )
