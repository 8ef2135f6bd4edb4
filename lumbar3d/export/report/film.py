"""Radiograph of the report: the film, the window of it that is shown, outlines and side marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lumbar3d.contracts import ReconstructionResult
from lumbar3d.export.palette import COLOURS

Drawn = Mapping[str, Any]
"""One view of the overlay document, as ``overlay.ViewOverlay`` says."""
ASPECT = 0.66
"""Width over height of each picture."""
MARGIN_PX = 26.0
SIDES = {"ap": (1, "R", "L"), "lat": (0, "P", "A")}
"""World axis that runs across a view, and the letters of its two ends."""


@dataclass(frozen=True)
class Outline:
    """One vertebra: its name, its colour (0-255), closed lines of (u, v), and where its name stands."""

    level: str
    colour: tuple[int, int, int]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    label: tuple[float, float]


@dataclass(frozen=True)
class Film:
    """One view.

    Attributes
    ----------
    title : str
    png : bytes
        The whole film.
    size : (int, int)
        Its columns and rows.
    window : (float, float, float, float)
        Left, top, width and height of what is shown, px; pixel (0, 0) is a centre.
    outlines : tuple of Outline
    sides : (str, str)
        Letters at the left and the right edge; empty where nothing tells.
    """

    title: str
    png: bytes = field(repr=False)
    size: tuple[int, int]
    window: tuple[float, float, float, float]
    outlines: tuple[Outline, ...]
    sides: tuple[str, str]


def film_of(view: str, title: str, png: bytes, drawn: Drawn, result: ReconstructionResult) -> Film:
    """The film of a view with what the overlay document draws on it."""
    outlines = tuple(
        _outline(level, each["outline"]) for level, each in drawn["levels"].items() if any(each["outline"])
    )
    size = drawn["width"], drawn["height"]
    return Film(title, png, size, _window(outlines, size), outlines, _sides(view, drawn, result))


def _outline(level: str, lines: list[list[list[float]]]) -> Outline:
    points = np.array([point for line in lines for point in line])
    label = float(points[:, 0].max()) + 4.0, float(points[:, 1].min() + points[:, 1].max()) / 2
    return Outline(level, COLOURS[level], tuple(tuple((u, v) for u, v in line) for line in lines), label)


def _window(outlines: tuple[Outline, ...], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The spine with a margin; the middle of the film where there is none."""
    points = np.array([point for each in outlines for line in each.lines for point in line])
    if not len(points):
        low, high = np.full(2, -0.5), np.array(size) - 0.5
        height = float(size[1])
    else:
        low, high = points.min(axis=0), points.max(axis=0)
        reach = high - low + 2 * MARGIN_PX
        height = float(max(reach[1], reach[0] / ASPECT))
    middle = (low + high) / 2
    return float(middle[0]) - height * ASPECT / 2, float(middle[1]) - height / 2, height * ASPECT, height


def _sides(view: str, drawn: Drawn, result: ReconstructionResult) -> tuple[str, str]:
    """Letters by which way the landmarks' places in the room run across the film as it was sent."""
    axis, low, high = SIDES[view]
    places: Mapping[tuple[str, str], float] = {
        (level.level, each.name): each.model_mm[axis] for level in result.levels for each in level.landmarks
    }
    pairs = [
        (mark["model"][0], places[level, name])
        for level, each in drawn["levels"].items()
        for name, mark in each["landmarks"].items()
        if (level, name) in places
    ]
    if len(pairs) < 2:
        return "", ""
    u, place = np.array(pairs).T
    runs = float(((u - u.mean()) * (place - place.mean())).sum())
    return (low, high) if runs > 0 else (high, low)
