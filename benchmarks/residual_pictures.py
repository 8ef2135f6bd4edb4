"""Pictures of the 3D fit's residuals on real vertebrae; drawn by ``benchmarks.shape_model --pictures DIR``.

``shape_residual.png``: every vertebra from in front, from the left and from behind, coloured by its distance to the
fitted model. ``shape_residual_regions.png``: the same by region, as bars over the sound ones and one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from benchmarks.real_vertebrae import SOUND, RealVertebra
from benchmarks.regions import REGIONS
from benchmarks.shape_model_report import LevelFit
from benchmarks.surface_drawing import BACK, LEFT, draw, save
from lumbar3d.geometry import frames
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.validation.model_fit import ModelFit

LIMIT_MM = 2.0
COLUMNS = 8
VIEWS = {"front": (8.0, 0.0), "left": LEFT, "back": BACK}
COLOURS = plt.get_cmap("viridis")
AIM_MM = 0.45
FOOT_IN = 0.7


def draw_all(
    vertebrae: Sequence[RealVertebra], fits: Sequence[ModelFit], scores: Sequence[LevelFit], folder: Path
) -> None:
    """Both pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    _map(vertebrae, fits, folder / "shape_residual.png")
    _regions(scores, folder / "shape_residual_regions.png")


def _map(vertebrae: Sequence[RealVertebra], fits: Sequence[ModelFit], path: Path) -> None:
    columns = min(COLUMNS, len(vertebrae))
    rows = -(-len(vertebrae) // columns) * len(VIEWS)
    figure = plt.figure(figsize=(1.9 * columns, 1.75 * rows + FOOT_IN))
    for number, (vertebra, fit) in enumerate(zip(vertebrae, fits, strict=True)):
        truth = vertebra.surface
        distance = vertex_to_surface_mm(truth.vertices, fit.mesh())
        surface = (frames.apply(frames.invert(fit.world_from_model), truth.vertices), truth.faces)
        for row, eye in enumerate(VIEWS.values(), start=number // columns * len(VIEWS)):
            cell = (rows, columns, row * columns + number % columns + 1)
            draw(figure, cell, surface, COLOURS(distance / LIMIT_MM)[:, :3], eye)
        kind = "" if vertebra.kind == SOUND else f"\n{vertebra.kind}"
        title = f"{vertebra.person} {vertebra.level}: {distance.mean():.2f} mm{kind}"
        figure.axes[-len(VIEWS)].set_title(title, fontsize=8, y=0.78)
    foot = FOOT_IN / figure.get_figheight()
    figure.subplots_adjust(0, foot, 1, 1, 0, 0)
    scale = plt.cm.ScalarMappable(Normalize(0, LIMIT_MM), COLOURS)
    place = figure.add_axes((0.3, 0.7 * foot, 0.4, 0.15 * foot))
    figure.colorbar(scale, cax=place, orientation="horizontal", label="distance of the true surface to the model, mm")
    save(figure, path)


def _regions(scores: Sequence[LevelFit], path: Path) -> None:
    height = 2.5 + 0.32 * len(scores)
    figure, (bars, table) = plt.subplots(2, 1, figsize=(11, 4 + height), height_ratios=(4, height))
    _bars(bars, [fit for fit in scores if fit.kind == SOUND] or list(scores))
    _table(table, scores)
    figure.tight_layout()
    save(figure, path)


def _bars(axes: Axes, scores: Sequence[LevelFit]) -> None:
    """Mean and 95th percentile by region, a dot for every vertebra."""
    for offset, key, label in ((-0.2, "mean_mm", "mean symmetric"), (0.2, "p95_mm", "95th percentile")):
        values = np.array([[getattr(fit.regions[name], key) for name in REGIONS] for fit in scores])
        places = np.arange(len(REGIONS)) + offset
        axes.bar(places, values.mean(axis=0), 0.38, label=label)
        axes.plot(np.tile(places, (len(scores), 1)), values, "k.", markersize=3)
    axes.axhline(AIM_MM, color="grey", linewidth=0.8, linestyle="--")
    axes.set_xticks(range(len(REGIONS)), REGIONS)
    axes.set(ylabel="mm", title=f"3D fit, {len(scores)} vertebrae; dots: each of them; dashed: the aim for the mean")
    axes.legend()


def _table(axes: Axes, scores: Sequence[LevelFit]) -> None:
    """Mean by vertebra and region as coloured numbers."""
    values = np.array([[fit.regions[name].mean_mm for name in REGIONS] for fit in scores])
    axes.imshow(values, vmin=0.0, vmax=LIMIT_MM / 2, cmap=COLOURS, aspect="auto")
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            colour = "white" if value < LIMIT_MM / 4 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    names = [f"{fit.person} {fit.level}" + ("" if fit.kind == SOUND else f" ({fit.kind})") for fit in scores]
    axes.set_yticks(range(len(scores)), names)
    axes.set_xticks(range(len(REGIONS)), REGIONS)
    axes.set_title("mean symmetric distance of every vertebra, mm")
