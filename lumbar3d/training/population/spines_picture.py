"""Picture of whole spines, on one sheet.

``python -m lumbar3d.training.population.spines_picture --out docs/pictures/population_spines.png``

The first people of two streams that show what is asked for, each from the front and from the left.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import matplotlib
import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.plan import EVERYBODY, ORDINARY
from lumbar3d.training.population.stream import Population
from lumbar3d.training.population.subject import Subject

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

Wish = tuple[str, Callable[[Subject], bool]]

BONE = np.array([0.93, 0.87, 0.76])
LIGHT = np.array([0.35, 0.35, 0.87])
"""Seen from the viewer: right, up, towards the eye."""
FRONT, LEFT = (
    np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    np.array([[-1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]]),
)
SEARCHED = 110
"""People among whom to look."""


def _diagnosed(word: str) -> Callable[[Subject], bool]:
    return lambda subject: any(word in diagnosis for diagnosis in subject.diagnoses)


def _bending(posture: str) -> Callable[[Subject], bool]:
    return lambda subject: subject.posture == posture


WISHES: tuple[Wish, ...] = (
    ("ordinary man", lambda s: s.is_ordinary and s.sex == "male"),
    ("ordinary woman", lambda s: s.is_ordinary and s.sex == "female"),
    ("scoliosis", _diagnosed("scoliosis")),
    ("scoliosis over 15 deg", lambda s: any("scoliosis" in d and float(d.split()[1]) > 15 for d in s.diagnoses)),
    ("slip", _diagnosed("slip")),
    ("fracture", _diagnosed("fracture")),
    ("worn disc", _diagnosed("worn")),
    ("flexion", _bending("flexion")),
    ("extension", _bending("extension")),
    ("bent to the left", _bending("left_bend")),
    ("six lumbar", lambda s: len(s.levels) == 6),
    ("four lumbar", lambda s: len(s.levels) == 4),
)


def choose(people: list[Subject]) -> list[tuple[str, Subject]]:
    """For each wish the first person who meets it and is not yet shown."""
    shown: list[tuple[str, Subject]] = []
    for title, wanted in WISHES:
        taken = {subject.seed for _, subject in shown}
        found = next((subject for subject in people if wanted(subject) and subject.seed not in taken), None)
        if found is not None:
            shown.append((title, found))
    return shown


def corners_of(subject: Subject, model: ShapeModel) -> Array:
    """Triangles (F, 3, 3) of a person's decimated vertebrae in the world, mm."""
    places = range(len(subject.levels))
    return np.concatenate([subject.vertices_world(k)[model.fit_vertices][model.fit_faces] for k in places])


def draw(axes: Axes, triangles: Array, view: Array) -> None:
    """One spine, its triangles (F, 3, 3) shaded, seen along the third row of ``view``."""
    corners = triangles @ view.T
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    facing = normal[:, 2] > 0
    order = np.flatnonzero(facing)[np.argsort(corners[facing].mean(axis=1)[:, 2])]
    shade = 0.25 + 0.75 * np.clip(normal[order] @ LIGHT, 0.0, 1.0)
    colours = shade[:, None] * BONE
    axes.add_collection(
        PolyCollection(list(corners[order, :, :2]), facecolors=colours, edgecolors=colours, linewidths=0.2)
    )
    middle = (corners[..., :2].min(axis=(0, 1)) + corners[..., :2].max(axis=(0, 1))) / 2
    axes.set(xlim=middle[0] + np.array([-80, 80]), ylim=middle[1] + np.array([-132, 132]), aspect="equal")
    axes.axis("off")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    population = Population(mixture=EVERYBODY)
    ordinary = islice(Population(mixture=ORDINARY).subjects(arguments.seed), 8)
    shown = choose([*ordinary, *islice(population.subjects(arguments.seed), SEARCHED)])
    figure, grid = pyplot.subplots(3, 8, figsize=(14, 11))
    for axes in grid.flat:
        axes.axis("off")
    for number, (title, subject) in enumerate(shown):
        row, column = divmod(number, 4)
        pair = grid[row, 2 * column : 2 * column + 2]
        for axes, view in zip(pair, (FRONT, LEFT), strict=True):
            draw(axes, corners_of(subject, population.models["L3"]), view)
        pair[0].set_title(title, fontsize=11, loc="left")
    figure.tight_layout()
    figure.savefig(arguments.out, dpi=75)


if __name__ == "__main__":
    main()
