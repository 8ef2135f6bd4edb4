"""Radiographs as pictures, plain and with the outlines drawn on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lumbar3d.export.overlay import ViewOverlay
from lumbar3d.export.palette import COLOURS

_SCALE = 2
"""Screen pixels per image pixel in the overlay picture."""
_LABEL_PX = 14
_COMPRESSION = 3
"""Of the overlay picture: a tenth larger than with zlib's own level 6, and written in less than half the time."""


def write_film(pixels: NDArray[np.float32], path: Path) -> None:
    """Write [0, 1] grey values (rows, columns) as an 8-bit PNG."""
    _film(pixels).save(path, format="PNG")


def write_overlay_picture(
    films: Mapping[str, NDArray[np.float32]], overlays: Mapping[str, ViewOverlay], path: Path
) -> None:
    """Write ``overlay_picture`` as a PNG."""
    overlay_picture(films, overlays).save(path, format="PNG", compress_level=_COMPRESSION)


def overlay_picture(films: Mapping[str, NDArray[np.float32]], overlays: Mapping[str, ViewOverlay]) -> Image.Image:
    """The views side by side with coloured outlines and level names, RGB.

    Parameters
    ----------
    films : mapping of view to (rows, columns) float32
        [0, 1].
    overlays : mapping of view to ViewOverlay
    """
    pictures = [_drawn(films[view], overlays[view]) for view in films]
    sheet = Image.new("RGB", (sum(picture.width for picture in pictures), max(p.height for p in pictures)))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    return sheet


def _film(pixels: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8))


def _drawn(pixels: NDArray[np.float32], overlay: ViewOverlay) -> Image.Image:
    """One film, enlarged, with its outlines; pixel (u, v) is a centre, hence the half."""
    film = _film(pixels).convert("RGB")
    film = film.resize((film.width * _SCALE, film.height * _SCALE), Image.Resampling.BICUBIC)
    pen, font = ImageDraw.Draw(film), ImageFont.load_default(_LABEL_PX)
    for level, drawn in overlay["levels"].items():
        lines = [[((u + 0.5) * _SCALE, (v + 0.5) * _SCALE) for u, v in line] for line in drawn["outline"]]
        for line in lines:
            pen.line(line, fill=COLOURS[level], width=_SCALE, joint="curve")
        corners = [corner for line in lines for corner in line]
        if corners:
            right, middle = max(u for u, _ in corners), float(np.mean([v for _, v in corners]))
            place = (right + 6, middle)
            pen.text(place, level, fill=COLOURS[level], font=font, anchor="lm", stroke_width=2, stroke_fill="black")
    return film
