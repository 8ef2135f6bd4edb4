"""File of constructions: each measurement's lines in mm and in pixels of both films as they were sent, with errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_json

from lumbar3d.arrays import Array
from lumbar3d.artifacts import CONSTRUCTIONS
from lumbar3d.contracts import VIEWS
from lumbar3d.geometry.projection import Projection
from lumbar3d.measurement.constructions import constructions
from lumbar3d.reconstruction import Reconstruction


def write_constructions(reconstruction: Reconstruction, directory: Path) -> None:
    """Write the document into an existing folder."""
    levels = [vertebra.level for vertebra in reconstruction.vertebrae]
    parts = reconstruction.measured, levels, reconstruction.measurements, reconstruction.sacrum.plate
    drawn = constructions(*parts)
    lines = {id(line): line for each in drawn for line in each.lines}  # an end plate's line is in several
    told = iter(_points(np.concatenate([line.points for line in lines.values()]), reconstruction) if lines else [])
    places = {key: [next(told) for _ in line.points] for key, line in lines.items()}
    by_key = {(each.code, each.target): each for each in reconstruction.measurements}
    document = []
    for each in drawn:
        number = by_key[each.code, each.target]
        shown = [{"role": line.role, "points": places[id(line)]} for line in each.lines]
        about = {"code": each.code, "target": each.target, "kind": each.kind}
        document.append(about | {"value": number.value, "unit": number.unit, "sigma": number.sigma, "lines": shown})
    (directory / CONSTRUCTIONS.file).write_bytes(to_json({"constructions": document}))


def _points(points_mm: Array, reconstruction: Reconstruction) -> list[dict[str, Any]]:
    """Places and standard errors of points (n, 1 + draws, 3), the fit first."""
    room = reconstruction.room
    told: dict[str, Any] = {"mm": points_mm[:, 0].round(3).tolist()}
    told["sigma_mm"] = _rounded(_sigma(points_mm).mean(axis=-1) ** 0.5, 3)
    for name, film, is_behind in zip(VIEWS, (room.ap, room.lat), room.seen_from_behind, strict=True):
        pixels = _as_sent(points_mm, film, is_behind)
        told[name] = [
            {"px": px, "sigma_px": sigma}
            for px, sigma in zip(pixels[:, 0].round(2).tolist(), _rounded(_sigma(pixels) ** 0.5, 2), strict=True)
        ]
    return [dict(zip(told, values, strict=True)) for values in zip(*told.values(), strict=True)]


def _as_sent(points_mm: Array, film: Projection, is_behind: bool) -> Array:
    pixels = film.project(points_mm.reshape(-1, 3))[0].reshape(*points_mm.shape[:-1], 2)
    return np.asarray(np.array([film.columns - 1.0, 0.0]) + pixels * [-1.0, 1.0] if is_behind else pixels)


def _sigma(samples: Array) -> Array:
    """Variances (n, k) over the draws; NaN without them."""
    if samples.shape[1] <= 2:
        return np.full((len(samples), samples.shape[-1]), np.nan)
    return np.asarray(samples[:, 1:].var(axis=1, ddof=1))


def _rounded(values: Array, digits: int) -> list[Any]:
    """Lists, with null where there is no error."""
    if np.isfinite(values).all():
        return list(values.round(digits).tolist())
    return [None if not np.isfinite(each).all() else each.round(digits).tolist() for each in values]
