"""Pictures of a shape model like the paper's Fig. 4 (scree), Fig. 5 (specificity, generality) and Fig. 6 (modes)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from lumbar3d.arrays import Array, Indices
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.cohort.measures import PAPER_MODES, Distances, ModelMeasures, modes_for

BLUE, GREY, RED = "#2b6cb0", "#718096", "#c05621"
BONE = np.array([0.87, 0.85, 0.78])
RIGHT_OF_PICTURE = {"above": np.array([0.0, -1.0, 0.0]), "left": np.array([-1.0, 0.0, 0.0])}
"""Seen from above the patient looks up and his left is on the left; seen from his left side he looks left."""
UP_OF_PICTURE = {"above": np.array([1.0, 0.0, 0.0]), "left": np.array([0.0, 0.0, 1.0])}
MARGIN_MM = 3.0


def scree_picture(level: str, measures: ModelMeasures, path: Path) -> None:
    """Fig. 4: variance of each mode and its running sum."""
    cumulative = np.array(measures.compactness)
    shown = min(len(cumulative), max(modes_for(0.98, measures.compactness) + 5, 20))
    modes = np.arange(1, shown + 1)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(modes, 100 * np.diff(cumulative, prepend=0.0)[:shown], color=BLUE, label="each mode")
    axes.plot(modes, 100 * cumulative[:shown], color=RED, marker=".", label="running sum")
    for share in (0.75, 0.90, 0.98):
        count = modes_for(share, measures.compactness)
        axes.annotate(
            f"{share:.0%}: {count} modes", (count, 100 * share), xytext=(6, -12), textcoords="offset points", fontsize=9
        )
    axes.set(xlabel="mode", ylabel="share of the variance, %", ylim=(0, 102), xlim=(0, shown + 1))
    axes.set_title(f"{level}: {measures.shapes} vertebrae")
    axes.legend(loc="center right", frameon=False)
    _save(figure, path)


def curves_picture(level: str, measures: ModelMeasures, path: Path) -> None:
    """Fig. 5: specificity and generality by number of modes."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    pairs = (
        ("specificity: random instance to nearest vertebra", measures.specificity),
        ("generality: vertebra left out to its reconstruction", measures.generality),
    )
    for number, (title, curve) in enumerate(pairs):
        _curve(figure.add_subplot(1, 2, number + 1), f"{level} {title}", curve)
    _save(figure, path)


def _curve(axes: Axes, title: str, distances: Distances) -> None:
    curve = distances.vertex
    mean, sd = np.array(curve.mean_mm), np.array(curve.sd_mm)
    axes.fill_between(
        curve.modes, mean - sd, mean + sd, color=BLUE, alpha=0.2, linewidth=0, label="\N{PLUS-MINUS SIGN} 1 SD"
    )
    axes.plot(curve.modes, mean, color=BLUE, marker=".", label="corresponding vertices")
    axes.plot(curve.modes, distances.surface.mean_mm, color=RED, marker=".", label="along the normal")
    axes.axvline(PAPER_MODES, color=GREY, linestyle=":", label=f"{PAPER_MODES} modes, as the paper")
    axes.set(xlabel="modes", ylabel="mean distance, mm", ylim=(0, None))
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False, fontsize=8)


def modes_picture(model: ShapeModel, path: Path, count: int = 3) -> None:
    """Fig. 6: first modes at -3, 0, +3 SD from above, and from the left, where processes show."""
    count = min(count, model.rank)
    figure = Figure(figsize=(13, 2.2 * count), layout="constrained")
    amounts = 3.0 * np.eye(model.rank)[:count]
    shapes = np.stack([[model.instance(b * sign) for sign in (-1.0, 0.0, 1.0)] for b in amounts])
    for row, trio in enumerate(shapes):
        for column, (view, number) in enumerate((view, number) for view in UP_OF_PICTURE for number in range(3)):
            axes = figure.add_subplot(count, 6, 6 * row + column + 1)
            draw(axes, trio[number], model.faces, view)
            plane = np.stack([RIGHT_OF_PICTURE[view], UP_OF_PICTURE[view]], axis=1)
            points = (shapes @ plane).reshape(-1, 2)
            axes.set(
                **{f"{a}lim": (p.min() - MARGIN_MM, p.max() + MARGIN_MM) for a, p in zip("xy", points.T, strict=True)}
            )
            axes.set_title(("\N{MINUS SIGN}3 SD", "mean", f"+3 SD of mode {row + 1}")[number], fontsize=9)
    _save(figure, path)


def draw(axes: Axes, vertices: Array, faces: Indices, view: str) -> None:
    """A shaded surface, seen along an axis of the model frame: far triangles first."""
    right, up = RIGHT_OF_PICTURE[view], UP_OF_PICTURE[view]
    towards = np.cross(right, up)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = normals @ towards / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    order = np.flatnonzero(facing > 0)
    order = order[np.argsort((corners[order] @ towards).mean(axis=1))]
    flat = np.stack([corners[order] @ right, corners[order] @ up], axis=-1)
    tint = BONE * (0.35 + 0.65 * facing[order])[:, None]
    axes.add_collection(PolyCollection(list(flat), facecolors=tint, edgecolors=tint, linewidths=0.3))
    axes.set_aspect("equal")
    axes.set_axis_off()


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure).print_figure(path, dpi=100)
