"""Overlay of the result page: outlines and landmarks over both radiographs, in pixels of the network grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Array, Mask
from lumbar3d.detection.result import ViewDetection
from lumbar3d.drr.projector import Projector
from lumbar3d.export.outline import outlines_px
from lumbar3d.export.overlay_document import LandmarkOverlay, LevelOverlay, ViewOverlay
from lumbar3d.geometry.projection import Projection, on_grid
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import TriangleMesh


@dataclass(frozen=True, eq=False)
class OverlayInput:
    """Input of one view's overlay.

    Attributes
    ----------
    vertebrae : sequence of FittedVertebra
    meshes : mapping of level to TriangleMesh
        Surfaces of those that get outlines, world mm.
    detection : ViewDetection
        May lie on a coarser grid of the same view.
    landmark_seen : (levels, 7) bool
    """

    vertebrae: Sequence[FittedVertebra]
    meshes: Mapping[str, TriangleMesh]
    detection: ViewDetection
    landmark_seen: Mask


def view_overlay(drawn: OverlayInput, projection: Projection, projector: Projector) -> ViewOverlay:
    """Outlines and landmarks in the pixels of ``projection``, rounded to a hundredth."""
    lines = outlines_px(list(drawn.meshes.values()), projection, projector)
    outlines = dict(zip(drawn.meshes, lines, strict=True))
    levels: dict[str, LevelOverlay] = {}
    for place, vertebra in enumerate(drawn.vertebrae):
        levels[vertebra.level] = {
            "outline": [_rounded(line) for line in outlines.get(vertebra.level, ())],
            "landmarks": _landmarks(drawn, place, projection),
        }
    return {"width": projection.columns, "height": projection.rows, "levels": levels}


def turned_over(overlay: ViewOverlay) -> ViewOverlay:
    """The overlay of the same picture with its columns counted from the other side."""
    last = overlay["width"] - 1

    def point(place: list[float]) -> list[float]:
        return [round(last - place[0], 2), place[1]]

    levels: dict[str, LevelOverlay] = {}
    for level, drawn in overlay["levels"].items():
        marks: dict[str, LandmarkOverlay] = {}
        for name, mark in drawn["landmarks"].items():
            marks[name] = {"model": point(mark["model"])}
            if "detected" in mark:
                marks[name]["detected"] = point(mark["detected"])
        levels[level] = {
            "outline": [[point(corner) for corner in line] for line in drawn["outline"]],
            "landmarks": marks,
        }
    return {"width": overlay["width"], "height": overlay["height"], "levels": levels}


def _landmarks(drawn: OverlayInput, place: int, projection: Projection) -> dict[str, LandmarkOverlay]:
    fitted, _ = projection.project(drawn.vertebrae[place].landmarks_world())
    grid = drawn.detection.projection
    detected = on_grid(drawn.detection.landmarks_px[place], grid, projection)
    marks: dict[str, LandmarkOverlay] = {}
    for index, name in enumerate(LANDMARKS):
        marks[name] = {"model": _rounded(fitted[index])}
        if drawn.landmark_seen[place, index]:
            marks[name]["detected"] = _rounded(detected[index])
    return marks


def _rounded(points: Array) -> Any:
    """Lists nested as deep as the array."""
    return np.round(points, 2).tolist()
