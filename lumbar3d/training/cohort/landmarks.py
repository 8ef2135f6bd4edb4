"""Annotated landmarks of every mesh, and the vertebra's own frame that follows from them.

``LANDMARKS.json``: one entry per file name, each with the seven names of ``lumbar3d.anatomy.LANDMARKS``::

    {"case_01.stl": {"sup_endplate_centre": [12.1, -3.0, 871.2], ..., "sp_tip": null}, ...}

Points in mm, in the mesh's own coordinates; for a NIfTI mask in scanner coordinates (RAS: x right, y anterior, z
head). ``null``: not on this mesh, because the scan ended before it; only tips of processes may be missing.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lumbar3d.anatomy import LANDMARKS, PROCESS_NAMES
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.training.cohort.errors import CohortError

SMALLEST_HEIGHT_MM, LARGEST_HEIGHT_MM = 8.0, 60.0
"""Between the endplate centres: a crushed child's body and a giant's."""


def read_landmarks(path: Path) -> dict[str, Array]:
    """Landmarks (7, 3) in mm of every file name, NaN where missing.

    Raises
    ------
    CohortError
        Not JSON, or a mesh's entry is not seven points.
    """
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise CohortError(f"{path.name} is not JSON") from error
    if not isinstance(document, dict):
        raise CohortError(f"{path.name}: expected one object, file names to landmarks")
    return {name: _points(name, entry) for name, entry in document.items()}


def _points(name: str, entry: object) -> Array:
    if not isinstance(entry, dict) or set(entry) != set(LANDMARKS):
        raise CohortError(f"{name}: landmarks must be exactly {', '.join(LANDMARKS)}")
    points = np.full((len(LANDMARKS), 3), np.nan)
    for row, landmark in enumerate(LANDMARKS):
        value = entry[landmark]
        if value is None and landmark in PROCESS_NAMES:
            continue
        if not _is_point(value):
            raise CohortError(f"{name}: {landmark} is not three numbers in mm")
        points[row] = value
    return points


def _is_point(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(x, int | float) and not isinstance(x, bool) and np.isfinite(x) for x in value)
    )


def model_from_source(name: str, points: Array) -> Array:
    """Rigid transform (4, 4) from a mesh's coordinates to the vertebra's own frame: x anterior, y left, z up.

    z runs through the endplate centres, the origin lies half-way, y follows the pedicles and, where known, the
    transverse processes.

    Raises
    ------
    CohortError
        Sides swapped, or the points cannot be those of a vertebra in mm.
    """
    place = dict(zip(LANDMARKS, points, strict=True))
    up = place["sup_endplate_centre"] - place["inf_endplate_centre"]
    height = float(np.linalg.norm(up))
    if not SMALLEST_HEIGHT_MM < height < LARGEST_HEIGHT_MM:
        raise CohortError(f"{name}: endplate centres {height:.1f} mm apart; are the coordinates in mm?")
    z = up / height
    left = _unit(place["pedicle_left"] - place["pedicle_right"])
    if not np.isnan(place["tp_left"] - place["tp_right"]).any():
        left = left + _unit(place["tp_left"] - place["tp_right"])
    y = _unit(left - (left @ z) * z)
    rotation = np.stack([np.cross(y, z), y, z])
    origin = (place["sup_endplate_centre"] + place["inf_endplate_centre"]) / 2
    pedicles = (place["pedicle_left"] + place["pedicle_right"]) / 2
    if rotation[0] @ (pedicles - origin) > 0:
        raise CohortError(f"{name}: pedicles lie in front of the body; are left and right, or up and down, swapped?")
    return frames.rigid(rotation, -rotation @ origin)


def _unit(vector: Array) -> Array:
    """A vector (3,) scaled to length one."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))
