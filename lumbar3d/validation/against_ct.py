"""Validation of a reconstruction against the person's own CT, registered to the same films.

The gold standard is the paper's: each vertebra of the CT, rigid, fitted to the pictures that the networks made of the
films. It shares those pictures' errors with the reconstruction, so poses agree better than either is right; shapes are
independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.drr.projector import Projector
from lumbar3d.errors import CtError
from lumbar3d.geometry import frames
from lumbar3d.measurement.points import points_on_model
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, cardan_deg
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.register import register
from lumbar3d.registration.result import Registration
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel
from lumbar3d.validation.field_metrics import Overlap, overlap
from lumbar3d.validation.own_model import OwnVertebra


@dataclass(frozen=True)
class LevelValidation:
    """One level of a reconstruction beside the CT.

    Attributes
    ----------
    level : str
    mean_mm, rms_mm, hausdorff_mm : float
        Reconstruction's vertices to the CT's surface; Hausdorff both ways.
    stated_mm : float
        What the reconstruction itself says of its surface (RMS along the normals).
    field : Overlap
    shift_mm : (3,) floats
        Of the reconstruction's centre, forward, left and up in the CT's vertebra.
    turn_deg : (3,) floats
        Lateral tilt, sagittal tilt and axial rotation in it.
    silhouette_dice : float
        Of the CT's vertebra as it was placed, mean of both views: far below 1, it is no gold standard.
    """

    level: Level
    mean_mm: float
    rms_mm: float
    hausdorff_mm: float
    stated_mm: float
    field: Overlap
    shift_mm: tuple[float, float, float]
    turn_deg: tuple[float, float, float]
    silhouette_dice: float


def validate(
    found: Registration,
    detection: Detection,
    own: Sequence[OwnVertebra],
    projector: Projector,
    constants: RegistrationConstants,
) -> tuple[LevelValidation, ...]:
    """Place the CT's vertebrae by the films and compare level by level, head first.

    Parameters
    ----------
    found : Registration
        The reconstruction.
    detection : Detection
        What was found in the films, which it was fitted to.
    own : sequence of OwnVertebra
    projector : Projector
    constants : RegistrationConstants

    Raises
    ------
    CtError
        The CT has none of the levels of the reconstruction.
    RejectedError
        A vertebra of the CT lies outside a film.
    """
    levels = [vertebra.model.level for vertebra in own if vertebra.model.level in found.levels]
    if not levels:
        raise CtError("the CT has none of the levels that were reconstructed")
    chosen = [vertebra for vertebra in own if vertebra.model.level in levels]
    gold = register([vertebra.model for vertebra in chosen], only(detection, levels), projector, constants)
    mine = {vertebra.level: vertebra for vertebra in found.vertebrae}
    stated = dict(zip(mine, found.surface_sigma_mm, strict=True))
    return tuple(
        compared(mine[each.model.level], float(stated[each.model.level]), each, placed, float(dice.mean()))
        for each, placed, dice in zip(chosen, gold.vertebrae, gold.silhouette_dice, strict=True)
    )


def only(detection: Detection, levels: Sequence[Level]) -> Detection:
    """The same detection of some of its levels."""
    rows = [detection.levels.index(level) for level in levels]

    def of(view: ViewDetection) -> ViewDetection:
        covariance = view.landmark_covariance_px2
        return replace(
            view,
            decomposition=view.decomposition[rows],
            landmarks_px=view.landmarks_px[rows],
            landmark_sigma_px=view.landmark_sigma_px[rows],
            confidence=view.confidence[rows],
            landmark_covariance_px2=None if covariance is None else covariance[rows],
        )

    return replace(detection, ap=of(detection.ap), lat=of(detection.lat), levels=tuple(levels))


def compared(
    mine: FittedVertebra, stated_mm: float, own: OwnVertebra, placed: FittedVertebra, dice: float
) -> LevelValidation:
    """A reconstructed vertebra beside that of the CT as it was placed; both stand in the world."""
    mesh, truth = mine.mesh_world(), placed.mesh_world()
    distances = vertex_to_surface_mm(mesh.vertices, truth)
    shape = own.fit.model.instance(own.fit.coefficients)
    true, measured = (
        _axes(own.fit.model, frames.apply(placed.world_from_model, shape)),
        _axes(mine.model, mesh.vertices),
    )
    shift = true.axes.T @ (measured.origin - true.origin)
    turn = cardan_deg(true.axes.T @ measured.axes)
    return LevelValidation(
        level=mine.level,
        mean_mm=float(distances.mean()),
        rms_mm=float(np.sqrt(np.mean(distances**2))),
        hausdorff_mm=float(max(distances.max(), vertex_to_surface_mm(truth.vertices, mesh).max())),
        stated_mm=stated_mm,
        field=overlap(mesh, truth),
        shift_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
        turn_deg=(float(turn[0]), float(turn[1]), float(turn[2])),
        silhouette_dice=dice,
    )


def _axes(model: ShapeModel, vertices: Array) -> MeasuredVertebra:
    return MeasuredVertebra.of(points_on_model(model, lambda chosen: vertices[chosen]))
