"""Kept fit: what a revision starts from, in one compact file of arrays that no code can hide in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lumbar3d.arrays import Array, Image, Mask
from lumbar3d.contracts import VIEWS, Calibration
from lumbar3d.detection.naming import Naming
from lumbar3d.detection.result import Detection, SacralMark, ViewDetection
from lumbar3d.edits import SetHips
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import Projection, on_grid
from lumbar3d.reconstruction import Reconstruction
from lumbar3d.registration.agreement import ViewQuality
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.objective import NormalEquations
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.room import LateralError
from lumbar3d.registration.room_equations import RoomEquations
from lumbar3d.shape.joint_prior import Evidence
from lumbar3d.shape.model import ShapeModel, models_of

FORMAT = 1
"""Of the file: it stands in it, so that a later version can be told from this one."""


@dataclass(frozen=True, eq=False)
class KeptFit:
    """A finished reconstruction, as far as it can be fitted again.

    Attributes
    ----------
    detection : Detection
        In the room as it was told; without its film parts.
    grids : (Projection, Projection)
        The network's grids in that room.
    ends : tuple of LevelAtEnd
    method : str
    error : LateralError or None
        What a refined room is off by.
    notes : tuple of str
        All notes of the result.
    edited : (2, levels, 7) bool
        Landmarks that somebody has set.
    hips : SetHips or None
        Femoral heads that somebody has placed.
    """

    detection: Detection
    grids: tuple[Projection, Projection]
    ends: tuple[LevelAtEnd, ...]
    method: str
    error: LateralError | None
    notes: tuple[str, ...]
    edited: Mask
    hips: SetHips | None = None


def save(reconstruction: Reconstruction, path: Path) -> None:
    """Write what ``load`` reads; nothing where the engine has no such fit."""
    fit = reconstruction.registration
    if not fit.ends or any(level.evidence is None for level in fit.ends):
        return
    error = fit.room_error
    room = build_geometry(reconstruction.calibration)
    lat = room.lat if error is None else error.applied(room.lat)
    arrays: dict[str, Any] = {}
    for name, view, found, film in zip(
        VIEWS, reconstruction.views, reconstruction.detection.views, (room.ap, lat), strict=True
    ):
        arrays |= {f"{name}_{key}": value for key, value in _view_arrays(found).items()}
        arrays[f"{name}_first_px"] = on_grid(np.zeros(2), view.projection, film)
        arrays[f"{name}_step"] = view.projection.pixel_spacing_mm / film.pixel_spacing_mm
    for row, level in enumerate(fit.ends):
        arrays |= {f"level{row}_{key}": value for key, value in _level_arrays(level).items()}
    if error is not None:
        arrays |= {"room_values": error.values, "room_pivot_mm": error.pivot_mm}
    naming = reconstruction.detection.naming
    if naming is not None:
        arrays["naming"] = naming.probability
    about = {
        "format": FORMAT,
        "levels": list(reconstruction.detection.levels),
        "method": fit.method,
        "notes": list(reconstruction.notes),
        "first": naming.first if naming else None,
        "novelty": [view.novelty for view in reconstruction.detection.views],
        "grid": [reconstruction.views[0].projection.rows, reconstruction.views[0].projection.columns],
        "hips": hips.edit.model_dump() if (hips := reconstruction.sacrum.hips) else None,
        "half": [list(view.decomposition.shape) for view in reconstruction.detection.views],
    }
    arrays["edited"] = reconstruction.edited
    np.savez(path, about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8), **arrays)


def load(path: Path, calibration: Calibration, models: Sequence[ShapeModel]) -> KeptFit:
    """Read what ``save`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays["about"].tobytes())
    room = build_geometry(calibration)
    rows, columns = about["grid"]
    error = LateralError(arrays["room_values"], arrays["room_pivot_mm"]) if "room_values" in arrays else None
    ap, lat = (
        film.regrid(arrays[f"{name}_first_px"], arrays[f"{name}_step"], rows, columns)
        for name, film in zip(VIEWS, (room.ap, room.lat), strict=True)
    )
    levels = tuple(about["levels"])
    views = [
        _view(arrays, name, grid, about["half"][k], about["novelty"][k])
        for k, (name, grid) in enumerate(zip(VIEWS, (ap, lat), strict=True))
    ]
    naming = Naming(arrays["naming"], about["first"]) if "naming" in arrays else None
    ends = tuple(_level(arrays, f"level{row}_", model) for row, model in enumerate(models_of(models, levels)))
    detection = Detection(ap=views[0], lat=views[1], naming=naming, levels=levels)
    hips = SetHips.model_validate(about["hips"]) if about.get("hips") else None
    return KeptFit(detection, (ap, lat), ends, about["method"], error, tuple(about["notes"]), arrays["edited"], hips)


def _view_arrays(view: ViewDetection) -> dict[str, Array]:
    """Opacity images are dark but for a box each, so the boxes are kept."""
    boxes = np.array([_box(image) for image in view.decomposition])
    crops = [
        image[top:bottom, left:right]
        for image, (top, bottom, left, right) in zip(view.decomposition, boxes, strict=True)
    ]
    flat = np.concatenate([crop.reshape(-1) for crop in crops])
    found = {
        "boxes": boxes,
        "opacity": flat,
        "landmarks_px": view.landmarks_px,
        "landmark_sigma_px": view.landmark_sigma_px,
        "confidence": view.confidence,
    }
    if view.landmark_covariance_px2 is not None:
        found["landmark_covariance_px2"] = view.landmark_covariance_px2
    if view.sacral_mark is not None:
        found["sacral_mark"] = np.append(view.sacral_mark.place_px, view.sacral_mark.heat)
    return found


def _box(image: Image) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    if rows.size == 0:
        return 0, 0, 0, 0
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _view(
    arrays: dict[str, Any], name: str, grid: Projection, shape: Sequence[int], novelty: float | None
) -> ViewDetection:
    images, start = np.zeros(shape, dtype=np.float32), 0
    for image, (top, bottom, left, right) in zip(images, arrays[f"{name}_boxes"], strict=True):
        size = (bottom - top) * (right - left)
        image[top:bottom, left:right] = arrays[f"{name}_opacity"][start : start + size].reshape(bottom - top, -1)
        start += size
    mark = arrays.get(f"{name}_sacral_mark")
    return ViewDetection(
        projection=grid.downsampled(grid.rows // shape[1]),
        decomposition=images,
        landmarks_px=arrays[f"{name}_landmarks_px"],
        landmark_sigma_px=arrays[f"{name}_landmark_sigma_px"],
        confidence=arrays[f"{name}_confidence"],
        landmark_covariance_px2=arrays.get(f"{name}_landmark_covariance_px2"),
        novelty=novelty,
        sacral_mark=None if mark is None else SacralMark(mark[:2], float(mark[2])),
    )


def _level_arrays(level: LevelAtEnd) -> dict[str, Array]:
    assert level.evidence is not None  # asked for before
    arrays = {
        "world_from_model": level.end.world_from_model,
        "coefficients": level.end.coefficients,
        "hessian": level.hessian,
        "pull": level.evidence.pull,
        "precision": level.evidence.precision,
        "views": np.array([[view.residual, view.dice] for view in level.views]),
    }
    if level.fracture_probability is not None:
        arrays["fracture_probability"] = np.array(level.fracture_probability)
    if level.room is not None:
        arrays |= {
            "room_own_hessian": level.room.own.hessian,
            "room_own_gradient": level.room.own.gradient,
            "room_cross": level.room.cross,
            "room_hessian": level.room.hessian,
            "room_gradient": level.room.gradient,
        }
    return arrays


def _level(arrays: dict[str, Any], prefix: str, model: ShapeModel) -> LevelAtEnd:
    kept = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
    room = None
    if "room_cross" in kept:
        own = NormalEquations(kept["room_own_hessian"], kept["room_own_gradient"])
        room = RoomEquations(own, kept["room_cross"], kept["room_hessian"], kept["room_gradient"])
    loadings = model.with_modes(len(kept["coefficients"])).shared_loadings
    assert loadings is not None  # what has evidence shares factors
    return LevelAtEnd(
        end=Parameters(kept["world_from_model"], kept["coefficients"]),
        hessian=kept["hessian"],
        evidence=Evidence(loadings, kept["pull"], kept["precision"]),
        views=tuple(ViewQuality(float(residual), float(dice)) for residual, dice in kept["views"]),
        room=room,
        fracture_probability=float(kept["fracture_probability"]) if "fracture_probability" in kept else None,
    )
