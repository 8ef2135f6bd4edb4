"""Landmarks and patches, found once on the L3 template by geometry and carried to every level by correspondence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Indices, Mask
from lumbar3d.shape.mesh import vertex_area_vectors

POSTERIOR_WALL_X_MM = -17.5
"""Behind it lies the arch: the posterior plate corners of the mean L3 are at -17.4 (ANATOMY 2)."""
PEDICLE_CENTRE_MM = np.array([-21.8, 16.6, 4.0])
"""Left pedicle isthmus of the mean L3 (ANATOMY 2)."""
PEDICLE_AXIS = np.array([np.cos(np.radians(10.0)), -np.sin(np.radians(10.0)), np.sin(np.radians(5.0))])
"""Forwards along the left pedicle: converging 10 degrees, front end up."""
SIDES = (("left", 1.0), ("right", -1.0))


@dataclass(frozen=True)
class Surface:
    """The L3 template in the model frame with unit vertex normals.

    Attributes
    ----------
    vertices, normals : (V, 3) float64
    """

    vertices: Array
    normals: Array

    @classmethod
    def of(cls, vertices: Array, faces: Indices) -> Surface:
        """Vertices with their area-weighted unit normals."""
        vectors = vertex_area_vectors(vertices, faces)
        return cls(vertices, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def nearest(self, point: Array) -> int:
        """Index of the vertex nearest to a point (3,)."""
        return int(np.argmin(((self.vertices - point) ** 2).sum(axis=1)))


def patches(surface: Surface) -> dict[str, Indices]:
    """All labelled vertex sets of ``ShapeModel.patches``."""
    found: dict[str, Indices] = {}
    for name, sign in (("sup", 1.0), ("inf", -1.0)):
        found.update(_plate(surface, name, sign))
    for side, sign in SIDES:
        found.update(_side(surface, side, sign))
    x, y, z = surface.vertices.T
    nx, _, _ = surface.normals.T
    body = x > POSTERIOR_WALL_X_MM
    found["body"], found["posterior"] = _indices(body), _indices(~body)
    found["posterior_wall"] = _indices((x < -12.0) & (x > -19.0) & (np.abs(y) < 9.0) & (nx < -0.7) & (np.abs(z) < 11.0))
    tip = surface.vertices[spinous_tip(surface)]
    found["sp_tip"] = _indices(np.linalg.norm(surface.vertices - tip, axis=1) < 5.0)
    inward = np.array([-24.0, 0.0]) - surface.vertices[:, :2]
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    facing = np.einsum("ni,ni->n", inward, surface.normals[:, :2]) > 0.5
    near = (np.abs(x + 24.0) < 12.0) & (np.abs(y) < 14.5)
    found["canal_ring"] = _indices(facing & near & (np.abs(z - 3.0) < 1.0))
    return found


def landmarks(surface: Surface, found: dict[str, Indices]) -> Indices:
    """The seven landmark vertices (7,) in the order of ``anatomy.LANDMARKS``.

    A vertex must lie on the surface, so a pedicle is its upper border above the isthmus centre: seen in both views.
    """
    vertices = surface.vertices
    centres = [vertices[found[f"plate_{name}_rim"]].mean(axis=0) for name in ("sup", "inf")]
    plates = []
    for name, centre in zip(("sup", "inf"), centres, strict=True):
        area = found[f"plate_{name}_area"]
        plates.append(int(area[np.argmin(((vertices[area] - centre)[:, :2] ** 2).sum(axis=1))]))
    tips = [int(np.argmax(sign * vertices[:, 1])) for _, sign in SIDES]
    pedicles = []
    for side, _ in SIDES:
        ring = found[f"pedicle_ring_{side}"]
        pedicles.append(int(ring[np.argmax(vertices[ring, 2])]))
    return np.array([*plates, *tips, *pedicles, spinous_tip(surface)], dtype=np.int32)


def spinous_tip(surface: Surface) -> int:
    """Vertex in the middle of the spinous process's dorsal edge."""
    vertices = surface.vertices
    edge = vertices[vertices[:, 0] < vertices[:, 0].min() + 2.5]
    return surface.nearest(np.array([vertices[:, 0].min(), 0.0, edge[:, 2].mean()]))


def _plate(surface: Surface, name: str, sign: float) -> dict[str, Indices]:
    """Rim ordered by azimuth (0 = anterior, 90 = left), inner area and the four corners of one endplate."""
    x, y, z = surface.vertices.T
    flat = (np.hypot(x, y) < 12.0) & (sign * surface.normals[:, 2] > 0.8) & (sign * z > 0)
    centre = np.array([np.median(x[flat]), 0.0])
    radius, azimuth = np.hypot(x - centre[0], y), np.arctan2(y, x - centre[0])
    candidates = (x > POSTERIOR_WALL_X_MM) & (sign * z > 4.0)
    corner = np.where(candidates, 0.6 * radius + 0.8 * sign * z, -np.inf)
    rim: list[int] = []
    for angle in np.radians(np.arange(0.0, 360.0, 5.0)):
        sector = np.abs(np.angle(np.exp(1j * (azimuth - angle)))) < np.radians(3.5)
        pick = int(np.argmax(np.where(sector, corner, -np.inf)))
        if pick not in rim:
            rim.append(pick)
    order = np.argsort(azimuth[rim] % (2 * np.pi))
    ring = np.array(rim, dtype=np.int32)[order]
    limit = np.interp(azimuth, azimuth[ring], radius[ring], period=2 * np.pi)
    area = (radius < 0.97 * limit) & (sign * surface.normals[:, 2] > 0.3) & (sign * z > 6.0)
    found = {f"plate_{name}_rim": ring, f"plate_{name}_area": np.setdiff1d(_indices(area), ring).astype(np.int32)}
    for letter, angle in (("a", 0.0), ("l", 90.0), ("p", 180.0), ("r", 270.0)):
        turn = np.abs(np.angle(np.exp(1j * (azimuth[ring] - np.radians(angle)))))
        found[f"corner_{letter}{name[0]}"] = ring[[int(np.argmin(turn))]]
    return found


def _side(surface: Surface, side: str, sign: float) -> dict[str, Indices]:
    """Pedicle ring, transverse process tip and facets of one side."""
    mirror = np.array([1.0, sign, 1.0])
    points, normals = surface.vertices * mirror, surface.normals * mirror
    x, y, z = points.T
    offset = points - PEDICLE_CENTRE_MM
    ring = (np.abs(offset @ PEDICLE_AXIS) < 0.8) & (np.linalg.norm(offset, axis=1) < 11.0)
    tip = points[np.argmax(y)]
    medial_back = normals @ np.array([-0.6, -0.8, 0.0])
    sap = (medial_back > 0.75) & (z > 7.0) & (x < -26.0) & (y > 8.0) & (y < 24.0)
    iap = (medial_back < -0.75) & (z < -11.0) & (x < -26.0) & (y > 6.0) & (y < 20.0)
    return {
        f"pedicle_ring_{side}": _indices(ring),
        f"tp_tip_{side}": _indices(np.linalg.norm(points - tip, axis=1) < 4.0),
        f"sap_{side}": _indices(sap),
        f"iap_{side}": _indices(iap),
    }


def _indices(mask: Mask) -> Indices:
    return np.flatnonzero(mask).astype(np.int32)
