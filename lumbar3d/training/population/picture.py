"""Picture of what the parameters do.

``python -m lumbar3d.training.population.picture --out docs/pictures/population_shapes.png``

Rows of one vertebra with single parameters two standard deviations below and above the mean, and the disorders of
single bodies.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from lumbar3d.arrays import Array

mpl.use("Agg")
from matplotlib import pyplot as plt

from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.mesh import vertex_area_vectors
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population import fractures, osteophytes, residual, transitional
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.fractures import Fracture
from lumbar3d.training.population.literature import norms
from lumbar3d.training.population.osteophytes import Spur

LEVEL = "L3"
VIEWS = {
    "side": (90.0, 0.0),
    "above": (180.0, 90.0),
    "front": (0.0, 8.0),
    "oblique": (48.0, 24.0),
    "steep": (48.0, 42.0),
    "behind": (180.0, 10.0),
}
"""Azimuth and elevation of the viewer, degrees: azimuth 0 looks at the front, 90 at the left side."""
LIGHT = np.array([0.4, 0.35, 0.85])
BONE = np.array([0.93, 0.88, 0.78])
PARAMETERS = (
    ("upper_width_mm", "front"),
    ("posterior_height_mm", "side"),
    ("sagittal_wedge_deg", "side"),
    ("superior_concavity_mm", "steep"),
    ("pedicle_width_mm", "above"),
    ("canal_depth_mm", "above"),
    ("canal_width_mm", "above"),
    ("transverse_span_mm", "above"),
    ("transverse_height_mm", "front"),
    ("spinous_length_mm", "side"),
    ("spinous_slope_deg", "side"),
    ("superior_facet_z_mm", "side"),
    ("inferior_facet_y_mm", "behind"),
    ("facet_angle_deg", "above"),
    ("lamina_height_mm", "behind"),
    ("rim_lip_mm", "front"),
)


@dataclass(frozen=True)
class Panel:
    """One picture in the sheet.

    Attributes
    ----------
    title, view : str
    vertices : (V, 3) float64
    model : ShapeModel
    """

    title: str
    view: str
    vertices: Array
    model: ShapeModel


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    models = {model.level: model for model in load_shape_models(AssetStore.open())}
    panels = [*parameter_panels(models[LEVEL]), *disorder_panels(models)]
    sheet(panels, out)


def parameter_panels(model: ShapeModel) -> list[Panel]:
    """Two panels for each parameter."""
    template, table = Template(model), norms()
    mean = {name: table[name][model.level].mean_of_both for name in template.names}
    panels = []
    for name, view in PARAMETERS:
        for sign in (-2, 2):
            value = mean[name] + sign * table[name][model.level].sd
            vertices = template.deform(mean | {name: value})
            panels.append(Panel(f"{name} {value:.1f}", view, vertices, model))
    return panels


def disorder_panels(models: dict[str, ShapeModel]) -> list[Panel]:
    """Fractures, spurs, a fused plate, a sacralised last vertebra, a template between two, and three drawn people."""
    first, last = models["L1"], models["L5"]
    template, sacral = Template(first), Template(last)
    plain = template.deform({})
    broken = [
        Fracture("wedge", 0.22),
        Fracture("wedge", 0.45, 0.3),
        Fracture("biconcave", 0.4),
        Fracture("crush", 0.45),
    ]
    panels = [
        Panel(f.describe(), "steep" if f.kind == "biconcave" else "side", fractures.broken(plain, template, f), first)
        for f in broken
    ]
    spurs = [Spur("sup", 20.0, 6.0, 0.5), Spur("inf", -50.0, 5.0), Spur("sup", -80.0, 5.0, 0.6)]
    panels.append(Panel("spurs", "oblique", osteophytes.grown(plain, template, spurs), first))
    panels.append(Panel("bridging rim below", "oblique", osteophytes.bridged(plain, template, "inf", 4.0), first))
    wings = transitional.sacralised(sacral.deform({}), sacral, 24.0)
    panels.append(Panel("sacralised L5", "behind", wings, last))
    fifth = transitional.between(models["L4"], last, 0.5)
    panels.append(Panel("fifth of six", "oblique", Template(fifth).deform({}), fifth))
    weights = residual.draw(np.random.default_rng(1), 4)
    own = residual.Residual(first.mean)
    panels += [
        Panel("mean and a residual", "oblique", template.deform({}, own.displacement(w)), first) for w in weights
    ]
    return panels


def sheet(panels: Sequence[Panel], out: Path, columns: int = 8) -> None:
    """Write all panels into one picture."""
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.2 * columns, 2.1 * rows), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, panel in zip(axes.flat, panels, strict=False):
        draw(axis, panel)
    figure.tight_layout(pad=0.3)
    figure.savefig(out, dpi=85)
    plt.close(figure)


def draw(axis: Axes, panel: Panel) -> None:
    """Shaded triangles, far ones first."""
    model = panel.model
    azimuth, elevation = np.radians(VIEWS[panel.view])
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.cross(towards, right)
    areas = vertex_area_vectors(panel.vertices, model.faces)
    normals = (areas / np.linalg.norm(areas, axis=1, keepdims=True))[model.fit_vertices][model.fit_faces].mean(axis=1)
    corners = panel.vertices[model.fit_vertices][model.fit_faces]
    order = np.argsort(corners.mean(axis=1) @ towards)
    order = order[normals[order] @ towards > -0.1]
    light = LIGHT[0] * right + LIGHT[1] * up + LIGHT[2] * towards
    shade = 0.2 + 0.8 * np.clip(normals[order] @ light, 0.0, 1.0)
    flat = np.stack([corners[order] @ right, corners[order] @ up], axis=-1)
    colours = np.clip(shade[:, None] * BONE, 0.0, 1.0)
    axis.add_collection(PolyCollection(list(flat), facecolors=colours, edgecolors=colours, linewidths=0.2))
    centre = np.array([-27.0, 0.0, -2.0])
    across, along = float(centre @ right), float(centre @ up)
    axis.set_xlim(across - 54, across + 54)
    axis.set_ylim(along - 48, along + 48)
    axis.set_aspect("equal")
    axis.set_title(panel.title, fontsize=7, pad=1)


if __name__ == "__main__":
    main()
