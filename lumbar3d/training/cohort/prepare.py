"""First step: every mesh or mask re-meshed and in the frame of its landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.cohort.errors import CohortError
from lumbar3d.training.cohort.landmarks import model_from_source, read_landmarks
from lumbar3d.training.cohort.remesh import is_closed, remesh
from lumbar3d.training.cohort.store import Prepared, WorkFolder, key_of
from lumbar3d.training.cohort.surfaces import SRS_FROM_RAS, find_files, is_mask, read_surface
from lumbar3d.training.nearest import nearest_of

MemberProgress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done and how many there are."""

FEWEST_MESHES = 5
GREATEST_LANDMARK_MM = 10.0
"""From a landmark to the nearest vertex: half a pedicle's width and an annotator's error."""


@dataclass(frozen=True)
class Inputs:
    """Inputs of a build, as a person gives them.

    Attributes
    ----------
    meshes : Path
        Folder of meshes and masks of one level.
    landmarks : Path
        JSON, see ``lumbar3d.training.cohort.landmarks``.
    label : int
        The level's number in the masks.
    """

    meshes: Path
    landmarks: Path
    label: int


@dataclass(frozen=True)
class Member:
    """One vertebra of the cohort."""

    name: str
    key: str
    prepared: Prepared


def prepare_all(inputs: Inputs, work: WorkFolder, progress: MemberProgress) -> list[Member]:
    """Every mesh of the folder, in the order of the file names; those in the work folder are taken from there.

    Raises
    ------
    CohortError
        Too few meshes, one twice, one without landmarks, or one that cannot be used.
    """
    files, landmarks = find_files(inputs.meshes), read_landmarks(inputs.landmarks)
    if len(files) < FEWEST_MESHES:
        raise CohortError(f"{len(files)} meshes in the folder; a shape model needs at least {FEWEST_MESHES}")
    members: list[Member] = []
    for path in files:
        progress("re-meshing", len(members), len(files))
        if path.name not in landmarks:
            raise CohortError(f"{path.name}: no entry in {inputs.landmarks.name}")
        key = key_of(path, landmarks[path.name], inputs.label)
        twin = next((member.name for member in members if member.key == key), None)
        if twin is not None:
            raise CohortError(f"{path.name} and {twin} are the same mesh")
        item = work.prepared(key)
        if item is None:
            item = prepare(path, landmarks[path.name], inputs.label)
            work.keep_prepared(key, item)
        members.append(Member(path.name, key, item))
    progress("re-meshing", len(files), len(files))
    return members


def prepare(path: Path, landmarks: Array, label: int) -> Prepared:
    """Read and re-mesh one file, and put it into the frame of its landmarks (7, 3)."""
    if is_mask(path):
        landmarks = frames.apply(SRS_FROM_RAS, landmarks)
    pose = model_from_source(path.name, landmarks)
    whole = read_surface(path, label)
    check_on_surface(path.name, landmarks, whole)
    surface = remesh(whole)
    mesh = TriangleMesh(frames.apply(pose, surface.vertices), surface.faces)
    return Prepared(mesh, frames.apply(pose, landmarks), is_closed(mesh))


def check_on_surface(name: str, landmarks: Array, surface: TriangleMesh) -> None:
    """Landmarks (7, 3) must lie on the bone: not another scan's, nor in other axes.

    Raises
    ------
    CohortError
        One is too far from every vertex.
    """
    known = ~np.isnan(landmarks).any(axis=1)
    distance, _ = nearest_of(cKDTree(surface.vertices), landmarks[known])
    if distance.max() > GREATEST_LANDMARK_MM:
        landmark = np.array(LANDMARKS)[known][np.argmax(distance)]
        raise CohortError(
            f"{name}: {landmark} lies {distance.max():.0f} mm from the surface; "
            "are the landmarks in the mesh's own axes (LPS or RAS)?"
        )
