"""People of VerSe's folders as test subjects: CT masks with vertebral labels (Sekuboyina 2021, CC BY-SA 4.0).

Any release: BIDS (``sub-verse004_seg-vert_msk.nii.gz`` below ``derivatives``) and the first one's
(``verse004_seg.nii.gz``). The data stay where they are; nothing computed from them is kept but the benchmark's figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import nibabel
import numpy as np
from nibabel.spatialimages import SpatialImage

from benchmarks.subjects import RealSubject, Room, arch_plane
from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array, Numbers
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.measurement.heights import height_losses
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.validation.ct_folder import VERSE_LABELS
from lumbar3d.validation.model_fit import ModelFit, fit_model
from lumbar3d.validation.surface_files import read_surface

PATTERNS = ("*_seg-vert_msk.nii.gz", "*_seg.nii.gz")
SIXTH = 25
"""Label of L6: a person with it is not one of five levels."""
GENANT_LOSS = 0.20
"""Height loss from which Genant grades a fracture."""


@dataclass(frozen=True)
class VerseMask:
    """One person's mask; ``fault`` says why it cannot serve, and is empty where it can."""

    person: str
    path: Path
    fault: str = ""


def find_people(folder: Path) -> list[VerseMask]:
    """Masks below a folder, by person; of a person with several scans the first that can serve."""
    found: dict[str, VerseMask] = {}
    for path in sorted(path for pattern in PATTERNS for path in folder.rglob(pattern)):
        person = _person(path)
        if person not in found or found[person].fault:
            found[person] = VerseMask(person, path, _fault(path))
    return list(found.values())


def read_people(masks: Sequence[VerseMask], models: Sequence[ShapeModel], room: Room) -> Iterator[RealSubject]:
    """Those that can serve, in front of the detectors as they lay in the scanner."""
    for mask in masks:
        if not mask.fault:
            yield read_person(mask, models, room)


def read_person(mask: VerseMask, models: Sequence[ShapeModel], room: Room) -> RealSubject:
    """Surfaces, landmarks and deformed levels; landmarks are the shape model's, carried over by its 3D fit.

    Raises
    ------
    CtError
        A level's mask is no vertebra.
    """
    surfaces = {level: read_surface(mask.path, VERSE_LABELS[level]) for level in LEVELS}
    middle = np.mean([surface.vertices.mean(axis=0) for surface in surfaces.values()], axis=0)
    meshes: dict[str, TriangleMesh] = {
        level: TriangleMesh(surface.vertices - middle, surface.faces) for level, surface in surfaces.items()
    }
    fits = {model.level: fit_model(model, meshes[model.level]) for model in models}
    planes = {level: arch_plane(fit) for level, fit in fits.items()}
    calibration = room.calibration()
    return RealSubject(
        name=mask.person,
        levels=LEVELS,
        meshes_world=meshes,
        landmarks_world={level: _carried(fits[level], meshes[level]) for level in LEVELS},
        posterior_masks={
            level: np.asarray(meshes[level].vertices @ plane[:3] < plane[3]) for level, plane in planes.items()
        },
        deformed_levels=deformed(list(fits.values())),
        calibration=calibration,
        geometry=build_geometry(calibration),
    )


def deformed(fits: Sequence[ModelFit]) -> frozenset[str]:
    """Levels that have lost a fifth of a height against the person's others."""
    nothing = [np.zeros((6 + len(fit.coefficients),) * 2) for fit in fits]
    spine = [
        FittedVertebra(fit.model, fit.world_from_model, fit.coefficients, none)
        for fit, none in zip(fits, nothing, strict=True)
    ]
    losses = height_losses(spine).loss.max(axis=1)
    return frozenset(fit.model.level for fit, loss in zip(fits, losses, strict=True) if loss > GENANT_LOSS)


def _person(path: Path) -> str:
    found = re.search(r"verse\d+", path.name)
    return found.group(0) if found else path.name.split("_")[0]


def _fault(path: Path) -> str:
    labels = np.asanyarray(cast(SpatialImage, nibabel.load(path)).dataobj)
    there = set(np.unique(labels).astype(int).tolist())
    missing = [level for level, label in VERSE_LABELS.items() if label not in there]
    if missing:
        return f"without {', '.join(missing)}"
    if SIXTH in there:
        return "with L6"
    cut = [level for level, label in VERSE_LABELS.items() if _at_border(labels, label)]
    return f"{', '.join(cut)} cut by the field of view" if cut else ""


def _at_border(labels: Numbers, label: int) -> bool:
    ends = (np.take(labels, end, axis) for axis in range(3) for end in (0, -1))
    return any(bool((end == label).any()) for end in ends)


def _carried(fit: ModelFit, surface: TriangleMesh) -> Array:
    own = frames.apply(fit.world_from_model, fit.model.instance(fit.coefficients, fit.model.landmark_indices))
    return SurfaceLocator(surface).closest(own)[0]
