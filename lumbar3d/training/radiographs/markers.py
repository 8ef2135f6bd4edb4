"""Markers and foreign objects on a film: lead letters, burnt-in text, wires, clips and buttons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from lumbar3d.arrays import Image

TEXTS = ("L", "R", "L", "R", "AP", "PA", "LAT", "STANDING", "L 0412", "R KM")


@dataclass(frozen=True)
class Marker:
    """One object.

    Attributes
    ----------
    kind : str
        A text, or "wire", "clip", "button".
    row, column : float
        Top left corner as shares of the film.
    size : float
        Height as a share of the film.
    bone_mm : float
        Metal as millimetres of dense bone; 0 for text that is burnt into the finished film.
    """

    kind: str
    row: float
    column: float
    size: float
    bone_mm: float


def draw_markers(rng: np.random.Generator) -> tuple[Marker, ...]:
    """Mostly none or one letter near a side, now and then something worn or forgotten."""
    found = []
    if rng.random() < 0.6:
        side = rng.uniform(0.03, 0.16)
        column = side if rng.random() < 0.5 else 0.93 - side
        metal = float(rng.choice([0.0, 25.0, 60.0], p=[0.3, 0.3, 0.4]))
        found.append(Marker(str(rng.choice(TEXTS)), rng.uniform(0.02, 0.9), column, rng.uniform(0.025, 0.06), metal))
    for _ in range(rng.poisson(0.35)):
        kind = str(rng.choice(["wire", "clip", "button"]))
        place = rng.uniform(0.03, 0.92, 2)
        found.append(Marker(kind, float(place[0]), float(place[1]), rng.uniform(0.01, 0.06), rng.uniform(4.0, 50.0)))
    return tuple(found)


def stamp(image: Image, marker: Marker, value: float) -> None:
    """Add ``value`` times the marker's shape to an image, in place."""
    shape = _shape(marker.kind, max(3, int(marker.size * len(image))))
    row, column = int(marker.row * image.shape[0]), int(marker.column * image.shape[1])
    part = image[row : row + shape.shape[0], column : column + shape.shape[1]]
    part += np.float32(value) * shape[: part.shape[0], : part.shape[1]]


@lru_cache(maxsize=256)
def _shape(kind: str, height: int) -> Image:
    """Coverage [0, 1] of a marker of this height in pixels."""
    canvas = Picture.new("L", (8 * height, 2 * height))
    pen = ImageDraw.Draw(canvas)
    if kind == "button":
        pen.ellipse((0, 0, height, height), outline=255, width=max(1, height // 4))
    elif kind == "clip":
        pen.rectangle((0, 0, max(1, height // 3), height), fill=255)
    elif kind == "wire":
        pen.line((0, 0, height, 2 * height, 3 * height, height, 6 * height, 2 * height), fill=200, width=1)
    else:
        pen.text((0, 0), kind, font=ImageFont.load_default(1.3 * height), fill=255)
    return np.asarray(canvas, dtype=np.float32) / np.float32(255.0)
