"""Shape-model build from people's own CTs (the paper's section 2.2), step by step.

Re-mesh and take the landmark frame (``prepare``), choose the reference, trimmed ICP and non-rigid fit (``fit``),
Procrustes without scale and completion of what scans cut off (``align``), principal components, labels carried over
from the shipped model of the level, asset.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array, Indices
from lumbar3d.geometry import frames
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.cohort import asset
from lumbar3d.training.cohort.correspondence import Correspondence
from lumbar3d.training.cohort.fit import fit_all, reference_of
from lumbar3d.training.cohort.pca import PrincipalComponents, complete, principal_components
from lumbar3d.training.cohort.prepare import Inputs, Member, MemberProgress, prepare_all
from lumbar3d.training.cohort.rigid import generalized_procrustes
from lumbar3d.training.cohort.store import Cohort, WorkFolder
from lumbar3d.training.cohort.transfer import Carried, carry_over, landmarks_on
from lumbar3d.training.manifest import AssetEntry


@dataclass(frozen=True)
class Output:
    """Destination of the model.

    Attributes
    ----------
    directory : Path
        Asset directory; where it is empty, the shipped assets are copied there first.
    level : str
    licence : str
        Recorded in the manifest.
    """

    directory: Path
    level: str
    licence: str


@dataclass(frozen=True)
class Summary:
    """Summary of a build, for a person.

    Attributes
    ----------
    meshes, cut, vertices, modes : int
        ``cut``: meshes of which the scan did not show everything.
    landmark_offset_mm : (7,) float64
        Between the annotated landmarks and the shipped model's, both carried to the mean shape.
    sha256 : str
    """

    meshes: int
    cut: int
    vertices: int
    modes: int
    landmark_offset_mm: Array
    sha256: str


def build(inputs: Inputs, output: Output, work: WorkFolder, progress: MemberProgress) -> Summary:
    """Make the asset and keep the cohort in the work folder.

    Raises
    ------
    CohortError
        A mesh, a mask or the landmarks cannot be used; the message names the file.
    AssetError
        The shipped models, whose labels are carried over, cannot be read.
    """
    shipped = load_shape_models(AssetStore.open())[LEVELS.index(output.level)]
    members = prepare_all(inputs, work, progress)
    reference = reference_of(members)
    faces = reference.prepared.mesh.faces
    fits = fit_all(members, reference, work, progress)
    progress("principal components", 0, 1)
    shapes, landmarks, carried = in_model_frame(fits, faces, shipped)
    components = principal_components(shapes)
    asset.start_directory(output.directory)
    sha256 = asset.write_asset(output.directory, _entry(output, members, components), components, faces, carried)
    work.keep_cohort(Cohort(shapes.astype(np.float32), faces))
    progress("principal components", 1, 1)
    return Summary(
        meshes=len(fits),
        cut=sum(not fit.seen.all() for fit in fits),
        vertices=len(components.mean),
        modes=components.modes.shape[2],
        landmark_offset_mm=np.linalg.norm(components.mean[carried.landmark_indices] - landmarks, axis=1),
        sha256=sha256,
    )


def align(fits: list[Correspondence]) -> Array:
    """Shapes (N, V, 3) in one pose, complete."""
    seen = np.stack([fit.seen for fit in fits])
    aligned = generalized_procrustes(np.stack([fit.vertices for fit in fits]), seen)
    return generalized_procrustes(complete(aligned, seen), np.ones_like(seen))


def in_model_frame(fits: list[Correspondence], faces: Indices, shipped: ShapeModel) -> tuple[Array, Array, Carried]:
    """Aligned shapes (N, V, 3) and their mean annotated landmarks (7, 3) in the model frame, and the labels."""
    shapes = align(fits)
    mean = TriangleMesh(shapes.mean(axis=0), faces)
    on_mean = [landmarks_on(TriangleMesh(fit.vertices, faces), fit.landmarks, mean.vertices) for fit in fits]
    landmarks = np.nanmean(on_mean, axis=0)
    carried = carry_over(shipped, mean, landmarks)
    pose = carried.model_from_mean
    return frames.apply(pose, shapes), frames.apply(pose, landmarks), carried


def _entry(output: Output, members: list[Member], components: PrincipalComponents) -> AssetEntry:
    """Manifest record; names no file, for file names may name people."""
    digest = hashlib.sha256("".join(sorted(member.key for member in members)).encode()).hexdigest()[:12]
    provenance = (
        f"{len(members)} vertebrae of a cohort (digest {digest}); re-meshed, landmark frame, trimmed ICP, Gaussian-RBF "
        f"correspondence, Procrustes without scale, PCA with {components.modes.shape[2]} modes, of which those of "
        f"{asset.KEPT_VARIANCE:.1%} of the variance are kept; labels carried over from the shipped model"
    )
    name = f"ssm_{output.level}"
    return AssetEntry(name, f"{name}.npz", f"cohort-{digest}", "mm", provenance, output.licence)


def default_work_folder(directory: Path, level: str) -> Path:
    """Beside the asset directory, so that a worker's assets hold no one's vertebrae."""
    return directory.with_name(f"{directory.name}-work") / level
