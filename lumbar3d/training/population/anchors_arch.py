"""Anchors of the arch: pedicles, canal, laminae, articular, transverse and spinous processes."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.arrays import Numbers
from lumbar3d.geometry import frames
from lumbar3d.training.population.anchors_body import LabelledSurface

SIDES = (("left", 1.0), ("right", -1.0))
UP = np.array([0.0, 0.0, 1.0])
ROOT_FRACTION = 0.35
"""Of the way from the pedicle's lateral wall to the tip: the section of a transverse process called its root."""
ISTHMUS_TURN = np.radians(3.0)
ISTHMUS_LOWERED = np.radians(2.0)
"""From the labelled ring's plane to the section that is measured: more convergent and flatter, as in the literature's
definition of the axis. The ring is the least section on a grid of 5 degrees, which decides no finer."""
JUNCTION_TURN = np.radians(30.0)
"""Of the canal's wall from facing the mid-line towards facing forwards: here the pedicle ends and the lamina begins."""
CANAL_X_MM = -24.0
"""Middle of the canal: what lies behind belongs to the arch's back half."""
LAMINA_Y_MM = 4.0
"""Para-sagittal section of a lamina: beside the spinous process, medial of the articular processes."""
LAMINA_DEPTH_MM = 8.0
"""From the canal's back wall to where the spinous process has left the section."""


def groups(surface: LabelledSurface) -> dict[str, Numbers]:
    """Vertices of every anchor of the arch."""
    found = _canal(surface)
    for side, sign in SIDES:
        found |= _pedicle(surface, side, sign)
        found |= _transverse(surface, side, sign, found)
        found |= _facets(surface, side, sign)
        found |= _lamina(surface, side, sign)
    return found | _spinous(surface)


def _canal(surface: LabelledSurface) -> dict[str, Numbers]:
    """Front, back, left and right of the canal at pedicle level."""
    ring, vertices = surface.patches["canal_ring"], surface.vertices
    middle_x = vertices[ring, 0].mean()
    median = np.isin(np.arange(len(vertices)), ring) & (np.abs(vertices[:, 1]) < 2.5)
    inside = np.isin(np.arange(len(vertices)), ring)
    return {
        "canal_front": np.flatnonzero(median & (vertices[:, 0] > middle_x)),
        "canal_back": surface.farthest(np.array([-1.0, 0.0, 0.0]), 5, median),
        "canal_left": surface.farthest(np.array([0.0, 1.0, 0.0]), 5, inside),
        "canal_right": surface.farthest(np.array([0.0, -1.0, 0.0]), 5, inside),
    }


def _pedicle(surface: LabelledSurface, side: str, sign: float) -> dict[str, Numbers]:
    """Four sides of the isthmus, and where its canal side turns into the lamina."""
    ring, vertices = surface.patches[f"pedicle_ring_{side}"], surface.vertices
    centre = vertices[ring].mean(axis=0)
    axis = np.linalg.svd(vertices[ring] - centre)[2][2]
    axis = frames.rotation_from_vector(np.array([0.0, ISTHMUS_LOWERED, -sign * ISTHMUS_TURN])) @ (
        axis * np.sign(axis[0])
    )
    lateral = np.cross(UP, axis) * sign
    offset = vertices - centre
    beside_ring = cKDTree(vertices[ring]).query(vertices)[0] < 1.3
    section = (np.abs(offset @ axis) < 0.9) & beside_ring
    middle_z = (vertices[ring, 2].min() + vertices[ring, 2].max()) / 2
    middle = section & (np.abs(vertices[:, 2] - middle_z) < 3.0)
    found = {
        f"pedicle_lateral_{side}": surface.farthest(lateral, 4, middle & (offset @ lateral > 0)),
        f"pedicle_medial_{side}": surface.farthest(-lateral, 4, middle & (offset @ lateral < 0)),
        f"pedicle_top_{side}": surface.farthest(UP, 4, section),
        f"pedicle_bottom_{side}": surface.farthest(-UP, 4, section),
    }
    canal = surface.patches["canal_ring"]
    widest_x = vertices[canal[np.argmax(sign * vertices[canal, 1])], 0]
    canal = canal[(sign * vertices[canal, 1] > 3.0) & (np.abs(vertices[canal, 0] - widest_x + 3.0) < 3.0)]
    wanted = np.array([np.sin(JUNCTION_TURN), -sign * np.cos(JUNCTION_TURN), 0.0])
    found[f"junction_{side}"] = canal[np.argsort(-(surface.normals[canal] @ wanted))[:4]]
    return found


def _transverse(surface: LabelledSurface, side: str, sign: float, found: dict[str, Numbers]) -> dict[str, Numbers]:
    """Tip and four sides of the root of one transverse process."""
    vertices = surface.vertices
    outwards = np.array([0.0, sign, 0.0])
    tip = surface.farthest(outwards, 6, vertices[:, 0] < 0.0)
    start, end = vertices[found[f"pedicle_lateral_{side}"]].mean(axis=0), vertices[tip].mean(axis=0)
    root_y = abs((1 - ROOT_FRACTION) * start[1] + ROOT_FRACTION * end[1])
    section = (np.abs(sign * vertices[:, 1] - root_y) < 1.2) & (vertices[:, 0] < start[0] + 6.0)
    middle_z = (vertices[section, 2].min() + vertices[section, 2].max()) / 2
    level = section & (np.abs(vertices[:, 2] - middle_z) < 2.5)
    return {
        f"tp_tip_{side}": tip,
        f"tp_top_{side}": surface.farthest(UP, 4, section),
        f"tp_bottom_{side}": surface.farthest(-UP, 4, section),
        f"tp_front_{side}": surface.farthest(np.array([1.0, 0.0, 0.0]), 4, level),
        f"tp_back_{side}": surface.farthest(np.array([-1.0, 0.0, 0.0]), 4, level),
    }


def _facets(surface: LabelledSurface, side: str, sign: float) -> dict[str, Numbers]:
    """Apex of the superior, lowest point of the inferior articular process, parts of both facets."""
    vertices = surface.vertices
    beside = (vertices[:, 0] < CANAL_X_MM) & (sign * vertices[:, 1] > 5.0)
    return {
        f"sap_apex_{side}": surface.farthest(UP, 6, beside),
        f"iap_low_{side}": surface.farthest(-UP, 6, beside),
        **_halves(surface, f"sap_{side}"),
        **_halves(surface, f"iap_{side}"),
    }


def _halves(surface: LabelledSurface, facet: str) -> dict[str, Numbers]:
    """Front and back part of an articular surface."""
    among = surface.patches[facet]
    trace = np.cross(surface.normals[among].mean(axis=0), UP)
    along = surface.vertices[among] @ (trace * np.sign(trace[0]))
    front, back = along > np.quantile(along, 0.6), along < np.quantile(along, 0.4)
    return {f"{facet}_front": among[front], f"{facet}_back": among[back]}


def _lamina(surface: LabelledSurface, side: str, sign: float) -> dict[str, Numbers]:
    """Upper and lower edge of a lamina beside the spinous process, and its front and back where a normal crosses it."""
    vertices, normals = surface.vertices, surface.normals
    root_x = vertices[(np.abs(vertices[:, 1]) < 1.5) & (vertices[:, 0] < CANAL_X_MM), 0].max()
    beside = np.abs(sign * vertices[:, 1] - LAMINA_Y_MM) < 1.0
    section = beside & (vertices[:, 0] < CANAL_X_MM) & (vertices[:, 0] > root_x - LAMINA_DEPTH_MM)
    top, bottom = surface.farthest(UP, 4, section), surface.farthest(-UP, 4, section)
    middle_z = (vertices[top, 2].mean() + vertices[bottom, 2].mean()) / 2
    front = surface.farthest(np.array([1.0, 0.0, 0.0]), 4, section & (np.abs(vertices[:, 2] - middle_z) < 2.0))
    inwards = -normals[front].mean(axis=0)
    inwards /= np.linalg.norm(inwards)
    offset = vertices - vertices[front].mean(axis=0)
    depth = offset @ inwards
    aside = np.linalg.norm(offset - depth[:, None] * inwards, axis=1)
    behind = (depth > 2.0) & (depth < 16.0) & (normals @ inwards > 0.3)
    return {
        f"lamina_top_{side}": top,
        f"lamina_bottom_{side}": bottom,
        f"lamina_front_{side}": front,
        f"lamina_back_{side}": np.argsort(np.where(behind, aside, np.inf))[:4],
    }


def _spinous(surface: LabelledSurface) -> dict[str, Numbers]:
    """Front of the lamina in the mid-line, dorsal edge, and the four sides of the section half-way between them."""
    vertices = surface.vertices
    arch = np.isin(np.arange(len(vertices)), surface.patches["posterior"]) & (vertices[:, 0] < CANAL_X_MM)
    root = surface.farthest(np.array([1.0, 0.0, 0.0]), 4, arch & (np.abs(vertices[:, 1]) < 1.5))
    tip = np.flatnonzero(vertices[:, 0] < vertices[:, 0].min() + 1.5)
    middle_x = (vertices[root, 0].mean() + vertices[tip, 0].mean()) / 2
    section = (np.abs(vertices[:, 0] - middle_x) < 1.5) & (np.abs(vertices[:, 1]) < 7.0)
    top, bottom = surface.farthest(UP, 4, section), surface.farthest(-UP, 4, section)
    middle_z = (vertices[top, 2].mean() + vertices[bottom, 2].mean()) / 2
    level = section & (np.abs(vertices[:, 2] - middle_z) < 3.0)
    return {
        "sp_root": root,
        "sp_tip": tip,
        "sp_top": top,
        "sp_bottom": bottom,
        "sp_left": np.flatnonzero(level & (surface.normals[:, 1] > 0.6)),
        "sp_right": np.flatnonzero(level & (surface.normals[:, 1] < -0.6)),
    }
