"""Pictures of the shape model: ``python -m benchmarks.shape_pictures --data DIR --out docs/pictures``.

``shape_modes.png``: the first modes of L3 at -3, 0 and +3 SD. ``shape_labels.png``: landmarks and patches.
``shape_residual.png``: what the 3D fit leaves on one person of ``benchmarks.subjects``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from numpy.typing import NDArray
from PIL import Image

from benchmarks.model_fit import fit_model
from benchmarks.subjects import load_subject
from lumbar3d.geometry import frames
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.model import ShapeModel

Array = NDArray[np.float64]

BONE = np.array([0.87, 0.85, 0.78])
FRONT_LEFT, BACK_RIGHT, LEFT, BACK, ABOVE = (25.0, 40.0), (25.0, 215.0), (0.0, 90.0), (8.0, 180.0), (70.0, 200.0)
RESIDUAL_LIMIT_MM = 2.0
RESIDUAL_SUBJECT = "verse005"
COLOUR_OF = {
    **{"plate_sup_area": 0, "plate_inf_area": 1, "posterior_wall": 2, "canal_ring": 12, "sp_tip": 7},
    **{"pedicle_ring_left": 4, "pedicle_ring_right": 5, "tp_tip_left": 6, "tp_tip_right": 7},
    **{"sap_left": 8, "sap_right": 9, "iap_left": 10, "iap_right": 11},
    **{"plate_sup_rim": 14, "plate_inf_rim": 14},
}


def draw(
    figure: Figure,
    cell: tuple[int, int, int],
    surface: tuple[Array, NDArray[np.int32]],
    colours: Array,
    eye: tuple[float, float],
) -> None:
    """One shaded surface in a cell (rows, columns, number) of the figure; colours (V, 3)."""
    vertices, faces = surface
    axes = figure.add_subplot(*cell, projection="3d")
    elevation, azimuth = np.radians(eye)
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    facing = normals @ towards / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    seen = facing > 0
    shade = (0.4 + 0.6 * facing[seen])[:, None]
    tint = np.clip(colours[faces[seen]].mean(axis=1) * shade, 0, 1)
    axes.add_collection3d(Poly3DCollection(vertices[faces[seen]], facecolors=tint, edgecolors=tint, linewidths=0.2))
    axes.set(xlim=(-70, 22), ylim=(-48, 48), zlim=(-46, 46))
    axes.set_box_aspect((92, 96, 92), zoom=1.5)
    axes.view_init(*eye)
    axes.set_proj_type("ortho")
    axes.set_axis_off()


def modes_picture(model: ShapeModel, path: Path, count: int = 5) -> None:
    """First modes at -3, 0, +3 SD, seen from behind and from the left."""
    figure = plt.figure(figsize=(12, 2.2 * count))
    colours = np.tile(BONE, (len(model.mean), 1))
    for mode in range(count):
        for column, amount in enumerate((-3.0, 0.0, 3.0)):
            coefficients = np.zeros(model.rank)
            coefficients[mode] = amount
            surface = (model.instance(coefficients), model.faces)
            for offset, eye in ((0, BACK_RIGHT), (3, LEFT)):
                cell = (count, 6, 6 * mode + column + offset + 1)
                draw(figure, cell, surface, colours, eye)
                figure.axes[-1].set_title(f"mode {mode + 1}: {amount:+.0f} SD", fontsize=8, y=0.95)
    figure.subplots_adjust(0, 0, 1, 0.98, 0, 0.02)
    _save(figure, path)


def labels_picture(models: tuple[ShapeModel, ...], path: Path) -> None:
    """Patches in colours, corners black, landmarks magenta."""
    figure = plt.figure(figsize=(14, 12))
    palette = plt.get_cmap("tab20")
    eyes = (FRONT_LEFT, BACK, ABOVE, LEFT, (-50.0, 20.0))
    for row, model in enumerate(models):
        colours = np.tile(BONE, (len(model.mean), 1))
        for name, number in COLOUR_OF.items():
            colours[model.patches[name]] = palette(number)[:3]
        for name in model.patches:
            if name.startswith("corner"):
                colours[model.patches[name]] = 0.0
        colours[model.landmark_indices] = (1.0, 0.0, 1.0)
        for column, eye in enumerate(eyes):
            draw(
                figure, (len(models), len(eyes), row * len(eyes) + column + 1), (model.mean, model.faces), colours, eye
            )
        figure.axes[-len(eyes)].set_title(model.level, fontsize=10, y=0.95)
    figure.subplots_adjust(0, 0, 1, 0.98, 0, 0.02)
    _save(figure, path)


def residual_picture(data: Path, models: tuple[ShapeModel, ...], path: Path) -> None:
    """One person's surfaces coloured by their distance to the fitted model, from behind and from in front."""
    figure = plt.figure(figsize=(14, 5))
    subject = load_subject(data, RESIDUAL_SUBJECT)
    for column, model in enumerate(models):
        truth = subject.meshes_world[model.level]
        fit = fit_model(model, truth)
        distance = vertex_to_surface_mm(truth.vertices, fit.mesh())
        colours = plt.get_cmap("viridis")(distance / RESIDUAL_LIMIT_MM)[:, :3]
        surface = (frames.apply(frames.invert(fit.world_from_model), truth.vertices), truth.faces)
        for row, eye in enumerate((BACK_RIGHT, FRONT_LEFT)):
            draw(figure, (2, 5, row * 5 + column + 1), surface, colours, eye)
        figure.axes[-2].set_title(f"{subject.name} {model.level}: mean {distance.mean():.2f} mm", fontsize=8, y=0.95)
    scale = plt.cm.ScalarMappable(plt.Normalize(0, RESIDUAL_LIMIT_MM), "viridis")
    figure.colorbar(scale, ax=figure.axes, shrink=0.6, label="true surface to fitted model, mm")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write a small PNG: 256 colours, evenly cut so that small coloured patches keep theirs."""
    figure.savefig(path, dpi=70)
    plt.close(figure)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE)
    small.save(path, optimize=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    models = load_shape_models(AssetStore.open())
    modes_picture(models[2], arguments.out / "shape_modes.png")
    labels_picture(models, arguments.out / "shape_labels.png")
    residual_picture(arguments.data, models, arguments.out / "shape_residual.png")


if __name__ == "__main__":
    main()
