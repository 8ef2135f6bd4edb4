"""Bones around T11 to L5: higher thoracic vertebrae, ribs, sacrum, pelvis, hips.

They are there so that the network meets overlap, rib-bearing T12 and the iliac crests; nothing is measured on them.
"""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.hollow import HollowBone, tube
from lumbar3d.training.radiographs.pelvis import foramina, hip, ilium, sacrum
from lumbar3d.training.radiographs.spine import Spine

SIDES = (-1.0, 1.0)
RIB_POINTS = 30
THORACIC_STEP_MM, KYPHOSIS_DEG = 25.5, 3.5
"""From one vertebra above T11 to the next."""


def surrounding_bones(spine: Spine, rng: np.random.Generator) -> tuple[HollowBone, TriangleMesh]:
    """T8 .. T10, ribs 8 .. 12, sacrum, both iliac bones and hips as one, and the openings in them."""
    scale = rng.uniform(0.9, 1.1)
    above = above_of(spine, rng)
    bones = [copied(spine, pose) for pose in above] + ribs_of([*above, *spine.thoracic_poses], scale, rng)
    bones.append(sacrum().moved(spine.world_from_sacrum, scale))
    upright = world_from_pelvis(spine, rng)
    for side in SIDES:
        bones += [ilium(side).moved(upright, scale), hip(side).moved(upright, scale)]
    holes = foramina()
    placed = TriangleMesh(frames.apply(spine.world_from_sacrum, scale * holes.vertices), holes.faces)
    return HollowBone.of(bones), placed


def above_of(spine: Spine, rng: np.random.Generator) -> list[Array]:
    """Poses of T8, T9, T10: the curve goes on as T11 stands on T12, then bends forward."""
    step_mm = THORACIC_STEP_MM * rng.uniform(0.94, 1.06)
    bend = frames.rotation_from_vector(np.radians([rng.normal(0.0, 0.7), KYPHOSIS_DEG + rng.normal(0.0, 1.5), 0.0]))
    poses = [spine.thoracic_poses[0]]
    for _ in range(3):
        poses.insert(0, poses[0] @ frames.rigid(bend, np.array([-1.0, 0.0, step_mm])))
    return poses[:3]


def copied(spine: Spine, pose: Array) -> HollowBone:
    """T11 once more, at another place."""
    move = pose @ frames.invert(spine.thoracic_poses[0])
    return HollowBone(spine.thoracic[0].mesh, spine.thoracic[0].inner).moved(move)


def ribs_of(poses: list[Array], scale: float, rng: np.random.Generator) -> list[HollowBone]:
    """Ribs 8 .. 12 along one rib cage; the last two end free, sometimes very early."""
    depth, width = rng.uniform(88.0, 110.0) * scale, rng.uniform(112.0, 138.0) * scale
    ends = np.radians([150.0, 150.0, rng.uniform(110, 140), rng.uniform(75, 110), rng.uniform(22, 72)])
    steepness = rng.uniform(0.8, 1.3) * np.array([38.0, 42.0, 46.0, 52.0, 56.0])
    narrowing = np.array([1.02, 1.0, 0.97, 0.92, 0.86])
    bones = []
    for pose, end, drop, narrow in zip(poses, ends, steepness, narrowing, strict=True):
        for side in SIDES:
            size = np.array([depth, side * width * narrow])
            bones.append(_rib(pose, size, end * rng.uniform(0.92, 1.05), drop * scale))
    return bones


def _rib(pose: Array, size: Array, end: float, drop: float) -> HollowBone:
    """From the body's side over the transverse process, along the cage's ellipse, downwards most behind the flank."""
    _depth, _width = size
    angle = np.linspace(0.30, max(end, 0.42), RIB_POINTS - 3)
    fall = drop * (np.sin(np.clip(angle - 0.3, 0.0, 1.6)) + 0.5 * np.clip(angle - 1.9, 0.0, None))
    end_taper = np.clip(np.linspace(6.0, 0.5, RIB_POINTS - 3), 0.0, 1.0)
    return rib_along(pose, size, (angle, fall, end_taper), (6.3, 3.4, 0.8))


def rib_along(
    pose: Array, size: Array, course: tuple[Array, Array, Array], make: tuple[float, float, float]
) -> HollowBone:
    """A rib from beside the body over the transverse process and along the cage's ellipse.

    Parameters
    ----------
    pose : (4, 4) float64
        World pose of its vertebra.
    size : (2,) float64
        Half depth and half width of the cage, mm; the width is negative on the right.
    course : three of (n,) float64
        Angle around the cage from the spine, how far the rib has fallen there (mm), and its thickness as a share.
    make : (float, float, float)
        Half height, half thickness and wall, mm.
    """
    depth, width = size
    angle, fall, end_taper = course
    half_height_mm, half_thickness_mm, wall_mm = make
    cage = np.stack([depth - 62.0 - depth * np.cos(angle), width * np.sin(angle), 6.0 - fall], -1)
    side = np.sign(width)
    head = np.array([[-17.0, side * 17.0, 9.0], [-24.0, side * 22.0, 9.0], [-33.0, side * 28.0, 8.0]])
    path = frames.apply(pose, np.concatenate([head, cage]))
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    outward = path - frames.apply(pose, np.array([depth - 62.0, 0.0, 0.0]))
    flat = outward - (outward * along).sum(1, keepdims=True) * along
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    taper = np.concatenate([[0.9, 0.7, 0.7], end_taper])[:, None]
    return tube(path, half_height_mm * taper * np.cross(flat, along), half_thickness_mm * taper * flat, wall_mm=wall_mm)


def world_from_pelvis(spine: Spine, rng: np.random.Generator) -> Array:
    """Upright frame at the S1 plate: turned and listing with it, tilted as its slope departs from the usual one."""
    rotation = spine.world_from_sacrum[:3, :3]
    left = rotation[:, 1]
    slope_deg = np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2]))
    tilt = np.radians(0.5 * (slope_deg - 41.0) + rng.normal(0.0, 4.0))
    forward = np.cross(left, [0.0, 0.0, 1.0])
    forward /= np.linalg.norm(forward)
    level = np.column_stack([forward, left, np.cross(forward, left)])
    place = frames.rigid(level, spine.world_from_sacrum[:3, 3])
    return place @ frames.rigid(frames.rotation_from_vector(np.array([0.0, tilt, 0.0])), np.zeros(3))
