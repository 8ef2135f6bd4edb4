"""Sacrum and iliac bones, in the frame of the S1 plate's centre with the patient upright; mm of an average adult.

Places of the crests, spines, sacro-iliac joints and hips as in anatomy atlases; nothing is measured on them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.hollow import HollowBone, joined, plate, tube
from lumbar3d.training.radiographs.loft import loft

CREST_MM = np.array(
    [[-60, 40, -40], [-66, 58, -8], [-52, 90, 26], [-18, 119, 42], [22, 134, 32], [52, 130, 2], [66, 118, -32]]
)  # fmt: skip
"""Left crest from the posterior to the anterior superior iliac spine."""
ROOT_MM = np.array(
    [[-52, 44, -64], [-40, 52, -70], [-22, 66, -72], [-2, 82, -70], [18, 92, -72], [38, 97, -76], [52, 99, -80]]
)  # fmt: skip
"""Where the wing ends below: sacro-iliac joint, greater notch, roof of the hip joint, anterior inferior spine."""
CREST_THICKNESS_MM = np.array([16.0, 15.0, 10.0, 9.0, 13.0, 9.0, 11.0])
FOSSA_THICKNESS_MM = np.array([20.0, 16.0, 8.0, 4.5, 5.5, 8.0, 10.0])
ROOT_THICKNESS_MM = np.array([18.0, 20.0, 20.0, 24.0, 30.0, 28.0, 20.0])
FOSSA_DEPTH_MM = 9.0
HIP_MM = np.array([24.0, 88.0, -100.0])
HEAD_RADIUS_MM = 23.0


@lru_cache
def ilium(side: float) -> HollowBone:
    """One wing: thick at the crest, thin in the fossa, thick above the hip; ``side`` +1 left, -1 right."""
    along, down = np.linspace(0.0, 1.0, 25), np.linspace(0.0, 1.0, 10)
    knots = np.linspace(0.0, 1.0, len(CREST_MM))
    crest, root = CubicSpline(knots, CREST_MM)(along), CubicSpline(knots, ROOT_MM)(along)
    middle = crest[:, None] * (1.0 - down)[:, None] + root[:, None] * down[:, None]
    outward = np.cross(np.gradient(middle, axis=0), np.gradient(middle, axis=1))
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    outward *= np.sign(outward[..., 1].mean())
    middle = middle + FOSSA_DEPTH_MM * (4 * down * (1.0 - down) * np.sin(np.pi * along)[:, None])[..., None] * outward
    profile = [np.interp(along, knots, t) for t in (CREST_THICKNESS_MM, FOSSA_THICKNESS_MM, ROOT_THICKNESS_MM)]
    thickness = CubicSpline([0.0, 0.45, 1.0], np.stack(profile))(down).T.clip(4.0)
    thickness[:, 0] *= 0.5
    half = 0.5 * thickness[..., None] * outward
    mirror = np.array([1.0, side, 1.0])
    return plate((middle - half) * mirror, (middle + half) * mirror)


@lru_cache
def hip(side: float) -> HollowBone:
    """Head, neck and shaft of the femur, roof of the socket, superior ramus of the pubis, ischium."""
    angle = np.linspace(0.15, np.pi - 0.15, 9)
    head = np.outer(np.cos(angle), [0.0, 0.0, HEAD_RADIUS_MM]) + HIP_MM
    parts = [_round(head, HEAD_RADIUS_MM * np.sin(angle))]
    parts.append(_round(HIP_MM + [[0, 8, -6], [-4, 26, -22], [-8, 44, -40]], [15.0, 13.0, 17.0]))
    parts.append(_round(HIP_MM + [[-8, 46, -14], [-8, 44, -45], [-2, 34, -160]], [9.0, 17.0, 14.0]))
    parts.append(
        _round(HIP_MM + [[-14, 6, 30], [-20, -8, 4], [-32, -22, -45], [-24, -30, -78]], [9.0, 15.0, 13.0, 9.0])
    )
    parts.append(
        _round(HIP_MM + [[12, -14, 12], [16, -34, -6], [20, -62, -22], [14, -80, -34]], [14.0, 9.0, 7.0, 12.0])
    )
    whole = HollowBone.of(parts)
    return HollowBone(*(_mirrored(surface, side) for surface in (whole.outer, whole.inner)))


def _round(centres: ArrayLike, radii: ArrayLike) -> HollowBone:
    """Tube of nearly round sections across the line from its first to its last centre."""
    centres, radii = np.asarray(centres, dtype=float), np.asarray(radii, dtype=float)[:, None]
    along = (centres[-1] - centres[0]) / np.linalg.norm(centres[-1] - centres[0])
    first = np.cross(along, [1.0, 0.0, 0.0] if abs(along[0]) < 0.8 else [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first)
    return tube(centres, radii * first, radii * np.cross(along, first), wall_mm=0.8)


def _mirrored(surface: TriangleMesh, side: float) -> TriangleMesh:
    faces = surface.faces if side > 0 else surface.faces[:, ::-1]
    return TriangleMesh(surface.vertices * [1.0, side, 1.0], np.ascontiguousarray(faces))


@lru_cache
def sacrum() -> HollowBone:
    """In the frame of the S1 plate itself (z out of the plate): bodies with alae, the crest, the facets of S1."""
    x, y = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    down = np.linspace(0.0, 1.0, 34)
    knots = [0.0, 0.03, 0.07, 0.14, 0.3, 0.45, 0.6, 0.78, 0.9, 1.0]
    width = np.interp(down, knots, [25.0, 35.0, 47.0, 54.0, 51.0, 44.0, 34.0, 25.0, 13.0, 7.0])
    depth = np.interp(down, knots, [16.0, 16.0, 15.5, 15.0, 14.0, 12.0, 10.0, 8.0, 6.0, 4.0])
    back = np.interp(down, [0.0, 0.3, 0.55, 0.8, 1.0], [0.0, -5.0, -8.0, 0.0, 14.0])
    body = np.stack([back, 0.0 * down, -118.0 * down], -1)
    parts = [tube(body, width[:, None] * y, depth[:, None] * x)]
    crest = body[3:16] + [-24.0, 0.0, 0.0]
    parts.append(tube(crest, np.outer(np.full(13, 3.0), y), np.outer(np.linspace(7.0, 3.0, 13), x), wall_mm=0.6))
    for side in (-1.0, 1.0):
        facet = np.linspace([-27.0, side * 21.0, -14.0], [-31.0, side * 23.0, 10.0], 6)
        size = np.array([6.0, 7.0, 7.0, 6.5, 5.0, 2.5])[:, None]
        parts.append(tube(facet, size * y, 0.8 * size * x))
    return HollowBone.of(parts)


@lru_cache
def foramina() -> TriangleMesh:
    """The eight sacral foramina as solid rods, to be taken away; in the frame of the S1 plate."""
    rods = []
    for side in (-1.0, 1.0):
        for k in range(4):
            back = np.linspace([14.0, 0.0, 6.0], [-20.0, 0.0, -6.0], 4) * (1.0 - 0.1 * k)
            centres = np.array([-5.0 - 1.5 * k, side * (18.0 - 1.5 * k), -25.0 - 19.0 * k]) + back
            radius = np.full((4, 1), 5.5 - 0.7 * k)
            rods.append(loft(centres, radius * [0.0, 1.0, 0.0], radius * [0.0, 0.0, 1.0]))
    return joined(rods)
