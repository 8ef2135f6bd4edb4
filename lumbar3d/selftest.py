"""Self-test: the mean spine from its own projections; compiles every kernel and proves that the device computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.drr.projector import Projector
from lumbar3d.errors import DeviceError
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam, Projection
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from lumbar3d.registration.register import register
from lumbar3d.sacrum.corridor import compile_kernels
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel

_GRID_PX, _PITCH_MM, _SOURCE_MM, _DETECTOR_MM = 128, 3.3, 1000.0, 300.0
_LEVEL_MM = 36.0
_TOLERANCE_MM = 2.0
"""On these coarse pixels and two steps a level the fit ends within 0.5 mm."""
_LEAST_DICE = 0.86
"""Fitted silhouettes overlap the drawn ones to 0.93 on these coarse pixels, to 0.8 where images come out shifted."""
_STAGES = (FitStage(2, 12, 2), FitStage(1, 12, 2))
_MODES = 12


def self_test(models: Sequence[ShapeModel], projector: Projector) -> None:
    """Fit the means, stacked in a column, to what the projector makes of them.

    Raises
    ------
    DeviceError
        The fit does not come out where it began.
    """
    models = [model.truncated(_MODES) for model in models]
    spine = [_standing(model, row) for row, model in enumerate(models)]
    ap, lat = (_seen(spine, projection, projector) for projection in _room())
    detection = Detection(ap, lat, levels=tuple(model.level for model in models))
    fit = register(models, detection, projector, RegistrationConstants(stages=_STAGES))
    found = np.stack([vertebra.world_from_model[:3, 3] for vertebra in fit.vertebrae])
    true = np.stack([vertebra.world_from_model[:3, 3] for vertebra in spine])
    close = np.linalg.norm(found - true, axis=1) < _TOLERANCE_MM
    compile_kernels()
    if not (close.all() and (fit.silhouette_dice > _LEAST_DICE).all()):
        raise DeviceError("the self-test of projector and registration failed")


def _standing(model: ShapeModel, row: int) -> FittedVertebra:
    pose = frames.rigid(np.eye(3), np.array([0.0, 0.0, _LEVEL_MM * (2 - row)]))
    return FittedVertebra(model, pose, np.zeros(model.rank), np.eye(6 + model.rank))


def _seen(spine: Sequence[FittedVertebra], projection: Projection, projector: Projector) -> ViewDetection:
    opacity = drr_from_path_length(projector.path_lengths_mm([v.mesh_world() for v in spine], projection))
    landmarks, _ = projection.project(np.stack([vertebra.landmarks_world() for vertebra in spine]))
    return ViewDetection(projection, opacity, landmarks, np.ones(landmarks.shape[:2]), np.ones(len(spine)))


def _room() -> tuple[ConeBeam, ConeBeam]:
    """AP source in front, LAT source on the right, both at 1000 mm."""
    down = np.array([0.0, 0.0, -1.0])
    views = []
    for across, forward in (([0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]), ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])):
        rotation = np.stack([across, down, forward])
        views.append(
            ConeBeam(
                camera_from_world=frames.rigid(rotation, np.array([0.0, 0.0, _SOURCE_MM])),
                focal_px=np.full(2, (_SOURCE_MM + _DETECTOR_MM) / _PITCH_MM),
                principal_px=np.full(2, (_GRID_PX - 1) / 2),
                pixel_spacing_mm=np.full(2, _PITCH_MM),
                rows=_GRID_PX,
                columns=_GRID_PX,
            )
        )
    return views[0], views[1]
