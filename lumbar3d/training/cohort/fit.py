"""Second step: the reference on every mesh, rigidly and then non-rigidly."""

from __future__ import annotations

from scipy.spatial import cKDTree

from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.cohort import rigid
from lumbar3d.training.cohort.correspondence import Correspondence, ReferenceFit
from lumbar3d.training.cohort.errors import CohortError
from lumbar3d.training.cohort.prepare import Member, MemberProgress
from lumbar3d.training.cohort.remesh import choose_reference
from lumbar3d.training.cohort.store import Prepared, WorkFolder
from lumbar3d.training.cohort.target import Target
from lumbar3d.training.nearest import nearest_of

ICP_POINTS_EVERY = 3
LEAST_SEEN_SHARE = 0.5
GREATEST_REST_MM = 0.9
"""Mean distance from a mesh's vertices to the fitted reference's: beyond it, landmarks or mesh are wrong."""


def reference_of(members: list[Member]) -> Member:
    """The closed mesh whose vertex count is nearest 10 000."""
    number = choose_reference(
        [len(member.prepared.mesh.vertices) for member in members], [member.prepared.closed for member in members]
    )
    return members[number]


def fit_all(
    members: list[Member], reference: Member, work: WorkFolder, progress: MemberProgress
) -> list[Correspondence]:
    """The reference's vertices on every mesh, each in that mesh's pose on the reference.

    Raises
    ------
    CohortError
        A mesh that the reference does not come to lie on.
    """
    engine: ReferenceFit | None = None
    fits = []
    for number, member in enumerate(members):
        progress("fitting the reference", number, len(members))
        fit = work.correspondence(reference.key, member.key)
        if fit is None:
            engine = engine or ReferenceFit(reference.prepared.mesh, reference.prepared.landmarks)
            fit = fit_one(engine, member)
            work.keep_correspondence(reference.key, member.key, fit)
        fits.append(fit)
    progress("fitting the reference", len(members), len(members))
    return fits


def fit_one(engine: ReferenceFit, member: Member) -> Correspondence:
    """Landmarks, trimmed ICP, non-rigid fit of one mesh."""
    posed = on_reference(member.prepared, engine)
    fit = engine.onto(Target(posed.mesh, posed.landmarks))
    rest, _ = nearest_of(cKDTree(fit.vertices), posed.mesh.vertices)
    if rest.mean() > GREATEST_REST_MM or fit.seen.mean() < LEAST_SEEN_SHARE:
        raise CohortError(
            f"{member.name}: the reference does not fit it (mean distance {rest.mean():.1f} mm, "
            f"{fit.seen.mean():.0%} on its surface); check its landmarks and level"
        )
    return fit


def on_reference(item: Prepared, engine: ReferenceFit) -> Prepared:
    """A mesh in the reference's pose."""
    pose = rigid.on_landmarks(item.landmarks, engine.landmarks)
    points = frames.apply(pose, item.mesh.vertices[::ICP_POINTS_EVERY])
    pose = rigid.trimmed_icp(points, engine.reference.vertices) @ pose
    mesh = TriangleMesh(frames.apply(pose, item.mesh.vertices), item.mesh.faces)
    return Prepared(mesh, frames.apply(pose, item.landmarks), item.closed)
