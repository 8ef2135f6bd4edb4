"""Collision avoidance of neighbouring vertebrae: facet joints get their gap, everything else its distance.

Signed distances of the upper vertebra's vertices to the lower one are those to the tangent plane at the lower one's
nearest vertex. How they change with a small motion of the joint is linear, so a few damped least-squares steps over the
joint's six coordinates find the smallest motion, in standard deviations of the posture's own freedom, that opens what
is closed and gives each facet joint its gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array, Indices, Mask
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import vertex_area_vectors
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.nearest import nearest_of
from lumbar3d.training.population.posture import Joint, Plates

FREEDOM = {
    "forward_mm": 1.8,
    "left_mm": 0.8,
    "height_mm": 0.5,
    "coronal_deg": 0.8,
    "sagittal_deg": 0.3,
    "axial_deg": 1.0,
}
"""Standard deviations of the joint's coordinates while room is being made."""
LARGEST_STEP = 3.0
"""In those standard deviations, per iteration and coordinate."""
GAP_SD_MM, ROOM_SD_MM = 0.20, 0.25
"""How strongly a facet's gap and a needed room are asked for."""
NEAR_MM = 6.0
"""Only vertices this near to the lower vertebra can matter."""
BEHIND_BODY_MM, HIGHEST_MM = -20.0, 12.0
"""In the model frame: bodies are in front of the one, and no lower vertebra reaches up to the other."""
ITERATIONS = 10


@dataclass(frozen=True)
class Clearance:
    """Gaps that a pair of neighbours must keep, mm.

    Attributes
    ----------
    facet_gap_mm : float
        Mean distance of the upper vertebra's joint surfaces to the lower one.
    room_mm : float
        Least distance anywhere.
    spinous_mm : float
        Least distance between the spinous processes.
    """

    facet_gap_mm: float = 1.7
    room_mm: float = 0.35
    spinous_mm: float = 3.5


FUSED = Clearance(facet_gap_mm=0.6, room_mm=0.15, spinous_mm=1.0)
"""A pair that has grown together keeps two surfaces that just do not touch."""


@dataclass(frozen=True, eq=False)
class Solid:
    """One vertebra in its model frame, ready for questions of distance.

    Attributes
    ----------
    vertices, normals : (V, 3) float64
    plates : Plates
    tree : cKDTree
        Of the vertices.
    """

    vertices: Array
    normals: Array
    plates: Plates
    tree: cKDTree

    @property
    def low(self) -> Indices:
        """Vertices that the vertebra below could meet: not the upper half of the body."""
        height = self.vertices[:, 2]
        return np.flatnonzero(height < np.where(self.vertices[:, 0] > BEHIND_BODY_MM, -2.0, HIGHEST_MM)).astype(
            np.int32
        )

    @classmethod
    def of(cls, vertices: Array, model: ShapeModel) -> Solid:
        """Prepare a vertebra (V, 3)."""
        return cls(vertices, _normals(vertices, model), Plates.of(vertices, model), _tree(vertices))

    def reshaped(self, vertices: Array, model: ShapeModel) -> Solid:
        """The same vertebra after a small change of its surface; its endplates' frames stay."""
        return Solid(vertices, _normals(vertices, model), self.plates, _tree(vertices))


def _normals(vertices: Array, model: ShapeModel) -> Array:
    normals = vertex_area_vectors(vertices, model.faces)
    return np.asarray(normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12))


def _tree(vertices: Array) -> cKDTree:
    """Built fast: it is asked a few times only."""
    return cKDTree(vertices, balanced_tree=False, compact_nodes=False)


@dataclass(frozen=True, eq=False)
class Regions:
    """Vertices of the shared topology that matter to a pair.

    Attributes
    ----------
    facets : tuple of (n,) int32
        Upper vertebra's inferior joint surfaces, left and right.
    is_spinous : (V,) bool
        Free part of the spinous process.
    """

    facets: tuple[Indices, Indices]
    is_spinous: Mask

    @classmethod
    def of(cls, model: ShapeModel) -> Regions:
        """Look the labels up on a model's mean."""
        facets = model.patches["iap_left"], model.patches["iap_right"]
        behind = model.mean[np.concatenate(facets), 0].min()
        spinous = (np.abs(model.mean[:, 1]) < 9.0) & (model.mean[:, 0] < behind - 4.0)
        return cls(facets, spinous)


@dataclass(frozen=True)
class Gaps:
    """Distances of a pair, mm; negative is a collision.

    Attributes
    ----------
    facet_left, facet_right : float
        Mean over the joint surface.
    spinous : float
        Least between the free parts of the spinous processes.
    least : float
        Least anywhere.
    """

    facet_left: float
    facet_right: float
    spinous: float
    least: float


def make_room(upper: Solid, lower: Solid, joint: Joint, regions: Regions, asked: Clearance) -> Joint:
    """The nearest joint that gives both vertebrae the room asked for, as far as there is one."""
    names, spread = list(FREEDOM), np.array(list(FREEDOM.values()))
    total = np.zeros(len(names))
    best: tuple[float, Joint] | None = None
    among: Indices | None = None
    for _ in range(ITERATIONS):
        now = joint.moved(**dict(zip(names, (total * spread).tolist(), strict=True)))
        contact = contact_of(upper, lower, now, regions, among)
        among = contact.vertices if among is None else among
        score = _lack(contact.gaps, asked)
        if best is None or score < best[0]:
            best = score, now
        if score == 0.0:
            break
        rows, wanted = _equations(contact, regions, asked)
        jacobian = rows * spread
        left = np.vstack([jacobian, np.eye(len(names))])
        step = np.linalg.lstsq(left, np.concatenate([wanted, -total]), rcond=None)[0]
        total = total + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
    assert best is not None
    return best[1]


@dataclass(frozen=True, eq=False)
class Contact:
    """Contact zone of the upper vertebra with the lower one.

    Attributes
    ----------
    vertices, foot : (n,) int
        Near vertices of the upper vertebra and the lower one's nearest.
    normal : (n, 3) float64
        Of the lower surface there, in the lower vertebra's model frame.
    distance : (n,) float64
        Signed, mm.
    rate : (n, 6) float64
        Its change with the joint's coordinates, in the order of ``FREEDOM``.
    to_spinous : (n,) bool
        Between the free parts of the spinous processes.
    gaps : Gaps
    """

    vertices: Indices
    foot: NDArray[np.intp]
    normal: Array
    distance: Array
    rate: Array
    to_spinous: Mask
    gaps: Gaps


def measure_gaps(upper: Solid, lower: Solid, joint: Joint, regions: Regions) -> Gaps:
    """Distances of a pair in a given joint."""
    return contact_of(upper, lower, joint, regions).gaps


def contact_of(upper: Solid, lower: Solid, joint: Joint, regions: Regions, among: Indices | None = None) -> Contact:
    """Distances of the upper vertebra to the lower one where they are near; ``among`` limits the vertices asked."""
    to_plate = joint.pose() @ frames.invert(upper.plates.inferior)
    low = upper.low if among is None else among
    points = frames.apply(lower.plates.superior @ to_plate, upper.vertices[low])
    found, nearest = nearest_of(lower.tree, points, NEAR_MM)
    is_near = np.isfinite(found)
    near, points, found, foot = low[is_near], points[is_near], found[is_near], nearest[is_near]
    normal = lower.normals[foot]
    distance = np.einsum("ni,ni->n", points - lower.vertices[foot], normal)
    # Far from the foot the tangent plane says little: keep the true distance, with the plane's sign.
    distance = np.where(found > 3.0, np.copysign(found, distance), distance)
    in_plate = frames.apply(frames.invert(lower.plates.superior), points) - _centre(joint)
    direction = normal @ lower.plates.superior[:3, :3]
    turn = np.radians(np.cross(in_plate, direction))
    rate = np.column_stack([direction, turn[:, 0], -turn[:, 1], turn[:, 2]])
    to_spinous = regions.is_spinous[near] & regions.is_spinous[foot]
    return Contact(near, foot, normal, distance, rate, to_spinous, _gaps(near, distance, to_spinous, regions))


def _centre(joint: Joint) -> Array:
    """Centre of the upper plate in the lower plate's frame (3,), about which the joint turns."""
    return np.array([joint.forward_mm, joint.left_mm, joint.height_mm])


def _gaps(near: Indices, distance: Array, to_spinous: Mask, regions: Regions) -> Gaps:
    left, right = (_mean_gap(distance[np.isin(near, facet)]) for facet in regions.facets)
    spinous = float(distance[to_spinous].min()) if to_spinous.any() else NEAR_MM
    return Gaps(left, right, spinous, float(distance.min()) if len(distance) else NEAR_MM)


def _mean_gap(distance: Array) -> float:
    return float(distance.mean()) if len(distance) else NEAR_MM


def _lack(gaps: Gaps, asked: Clearance) -> float:
    """How much is missing, mm; 0 when all is as asked."""
    facets = (gaps.facet_left, gaps.facet_right)
    off = sum(max(abs(gap - asked.facet_gap_mm) - 2 * GAP_SD_MM, 0.0) for gap in facets)
    room = max(asked.room_mm - gaps.least, 0.0) + max(asked.spinous_mm - gaps.spinous, 0.0)
    return off + 5.0 * (room if room > 0.05 else 0.0)


def _equations(contact: Contact, regions: Regions, asked: Clearance) -> tuple[Array, Array]:
    """Weighted rows (m, 6) and what they should change by (m,): each facet's mean gap, each vertex that needs room."""
    rows, wanted = [], []
    for facet in regions.facets:
        here = np.isin(contact.vertices, facet)
        if here.any():
            rows.append(contact.rate[here].mean(axis=0)[None] / GAP_SD_MM)
            wanted.append(np.array([(asked.facet_gap_mm - contact.distance[here].mean()) / GAP_SD_MM]))
    needed = np.where(contact.to_spinous, asked.spinous_mm, asked.room_mm) + 0.1
    tight = np.flatnonzero(contact.distance < needed)
    if len(tight):
        weight = 1.0 / (ROOM_SD_MM * np.sqrt(len(tight)))
        rows.append(contact.rate[tight] * weight)
        wanted.append((needed - contact.distance)[tight] * weight)
    if not rows:
        return np.zeros((0, 6)), np.zeros(0)
    return np.vstack(rows), np.concatenate(wanted)


def least_from_below(upper: Solid, lower: Solid, joint: Joint) -> float:
    """Least signed distance of the lower vertebra's vertices to the upper one, mm: what ``contact_of`` cannot see."""
    lower_from_upper = lower.plates.superior @ joint.pose() @ frames.invert(upper.plates.inferior)
    behind = lower.vertices[:, 0] < BEHIND_BODY_MM
    points = frames.apply(frames.invert(lower_from_upper), lower.vertices[behind])
    found, foot = nearest_of(upper.tree, points, NEAR_MM)
    near = np.isfinite(found)
    offset = points[near] - upper.vertices[foot[near]]
    distance = np.einsum("ni,ni->n", offset, upper.normals[foot[near]])
    return float(distance.min()) if len(distance) else NEAR_MM
