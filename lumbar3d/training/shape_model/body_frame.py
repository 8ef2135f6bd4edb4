"""The local vertebral frame of a bare surface, and its anatomical extreme points."""

from __future__ import annotations

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.training.nearest import nearest_of

BODY_DEPTH_MM = 36.0
"""From the anterior rim back to the posterior wall: only the starting guess of the origin."""


def model_from_source(mesh: trimesh.Trimesh, lean_deg: float = 0.0, iterations: int = 12) -> Array:
    """Find the SRS local frame of a vertebra that already lies roughly x anterior, y left, z up.

    z runs through the centres of the two endplates, y is normal to the best mirror plane, the origin lies
    half-way between the endplate centres (ISO 2631 / Stokes).

    Parameters
    ----------
    mesh : Trimesh
    lean_deg : float
        How far the vertebra's top leans forward in the mesh's frame, roughly: the starting guess.
    iterations : int

    Returns
    -------
    (4, 4) float64
        Rigid transform from the mesh's frame, mm.
    """
    upright = frames.rigid(frames.rotation_from_vector(np.array([0.0, -np.radians(lean_deg), 0.0])), np.zeros(3))
    points = frames.apply(upright, np.asarray(mesh.vertices))
    anterior = points[points[:, 0] > points[:, 0].max() - BODY_DEPTH_MM / 2]
    middle = (anterior.min(axis=0) + anterior.max(axis=0)) / 2
    pose = frames.rigid(np.eye(3), -np.array([points[:, 0].max() - BODY_DEPTH_MM / 2, *middle[1:]])) @ upright
    for _ in range(iterations):
        points = frames.apply(pose, np.asarray(mesh.triangles_center))
        normals = mesh.face_normals @ pose[:3, :3].T
        superior, inferior = endplate_centres(points, normals, mesh.area_faces)
        z = (superior - inferior) / np.linalg.norm(superior - inferior)
        y = mirror_normal(frames.apply(pose, np.asarray(mesh.vertices)))
        y = y - (y @ z) * z
        y /= np.linalg.norm(y)
        rotation = np.stack([np.cross(y, z), y, z])
        pose = frames.rigid(rotation, -rotation @ (superior + inferior) / 2) @ pose
    return pose


def endplate_centres(points: Array, normals: Array, areas: Array) -> tuple[Array, Array]:
    """Centres of the two endplates, (3,) each: half-way between the edges of the flat top and bottom of the body.

    Depth comes from the mid-sagittal strip, where no pedicle continues the plate, width from the mid-coronal strip.
    """
    x, y, z = points.T
    centres = []
    for sign in (1.0, -1.0):
        flat = (sign * normals[:, 2] > 0.8) & (np.hypot(x, y) < 29.0) & (x > -24.0)
        flat &= np.abs(z - np.median(z[flat & (np.hypot(x, y) < 10.0)])) < 6.0
        depth, width = x[flat & (np.abs(y) < 5.0)], y[flat & (np.abs(x) < 8.0)]
        middle = np.array([depth.min() + depth.max(), width.min() + width.max()]) / 2
        near = flat & (np.hypot(x - middle[0], y - middle[1]) < 8.0)
        centres.append(np.array([*middle, np.average(z[near], weights=areas[near])]))
    return centres[0], centres[1]


def mirror_normal(points: Array, iterations: int = 15) -> Array:
    """Unit normal (3,), towards +y, of the plane that best maps a surface onto its own mirror image."""
    centre, normal = points.mean(axis=0), np.array([0.0, 1.0, 0.0])
    tree = cKDTree(points)
    for _ in range(iterations):
        mirrored = points - 2 * ((points - centre) @ normal)[:, None] * normal
        distance, nearest = nearest_of(tree, mirrored)
        keep = distance < np.quantile(distance, 0.9)
        separation = points[keep] - points[nearest[keep]]
        separation *= np.sign(separation @ normal)[:, None]
        far = np.abs(separation @ normal) > 5.0
        centre = ((points[keep] + points[nearest[keep]]) / 2).mean(axis=0)
        _, _, axes = np.linalg.svd(separation[far], full_matrices=False)
        normal = axes[0] * np.sign(axes[0, 1])
    return np.asarray(normal)


def extreme_points(vertices: Array) -> Array:
    """Points that any lumbar vertebra in its local frame offers, (7, 3).

    Order: transverse process tips left and right, spinous tip, superior articular apexes left and right, lowest points
    of the inferior articular processes left and right.
    """
    x, y, z = vertices.T
    lateral = np.abs(y) > 6.0
    sap = lateral & (x < -24.0) & (x > -42.0) & (np.abs(y) < 26.0)
    picks = [int(np.argmax(y)), int(np.argmin(y)), int(np.argmin(x))]
    for region, sign in ((sap, 1.0), (sap & (x > -45.0), -1.0)):
        sides = (np.where(region & (side * y > 0), sign * z, -np.inf) for side in (1.0, -1.0))
        picks += [int(np.argmax(height)) for height in sides]
    return vertices[picks]
