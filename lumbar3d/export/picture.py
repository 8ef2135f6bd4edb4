"""Radiographs as pictures, plain and with the outlines drawn on them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lumbar3d.contracts import VIEWS
from lumbar3d.export.overlay_document import OverlayDocument, ViewOverlay
from lumbar3d.export.palette import COLOURS

_SCALE = 2
"""Screen pixels per image pixel in the overlay picture."""
_LABEL_PX = 14
_COMPRESSION = 3
"""A tenth larger than with zlib's own level 6, and written in less than half the time."""


def write_film(pixels: NDArray[np.float32], path: Path) -> None:
    """Write [0, 1] grey values (rows, columns) as an 8-bit PNG."""
    _film(pixels).save(path, format="PNG", compress_level=_COMPRESSION)


def png_of_stored(overlay: bytes, *films: bytes) -> bytes:
    """``overlay_picture`` as a PNG, of what a job stores.

    Parameters
    ----------
    overlay : bytes
        ``overlay.json``.
    *films : bytes
        The PNGs that ``write_film`` wrote, in the order of ``VIEWS``.
    """
    document: OverlayDocument = json.loads(overlay)
    opened = [Image.open(io.BytesIO(film)) for film in films]
    buffer = io.BytesIO()
    sheet = _sheet(dict(zip(VIEWS, opened, strict=True)), document["views"])
    sheet.save(buffer, format="PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


def overlay_picture(films: Mapping[str, NDArray[np.float32]], overlays: Mapping[str, ViewOverlay]) -> Image.Image:
    """The views side by side with coloured outlines and level names, RGB.

    Parameters
    ----------
    films : mapping of view to (rows, columns) float32
        [0, 1].
    overlays : mapping of view to ViewOverlay
    """
    return _sheet({view: _film(pixels) for view, pixels in films.items()}, overlays)


def _sheet(films: Mapping[str, Image.Image], overlays: Mapping[str, ViewOverlay]) -> Image.Image:
    pictures = [_drawn(films[view], overlays[view]) for view in films]
    sheet = Image.new("RGB", (sum(picture.width for picture in pictures), max(p.height for p in pictures)))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    return sheet


def _film(pixels: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8))


def _drawn(grey: Image.Image, overlay: ViewOverlay) -> Image.Image:
    """One film, enlarged, with its outlines; pixel (u, v) is a centre, hence the half."""
    film = grey.convert("RGB")
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
