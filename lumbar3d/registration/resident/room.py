"""Levels linearised by the errors of the lateral view on a device: what ``room_refinement`` asks of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.contracts import VIEWS
from lumbar3d.detection.result import ViewDetection
from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.level_coupling import evidence_of, exchange
from lumbar3d.registration.objective import NormalEquations
from lumbar3d.registration.parameters import POSE, Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.resident.device import Device, DeviceArray
from lumbar3d.registration.resident.levels import Levels
from lumbar3d.registration.resident.poses import Poses
from lumbar3d.registration.resident.spine import Evaluation, Factors, Spine
from lumbar3d.registration.resident.surfaces import turned
from lumbar3d.registration.room import LateralError
from lumbar3d.registration.room_equations import RoomEquations

LAT = VIEWS.index("lat")


def linearised(
    here: FitProblem, device: Device, ends: Sequence[Parameters], told: ViewDetection, error: LateralError
) -> list[RoomEquations]:
    """Every level with the weights and the neighbours' prior of its fit; as ``room_equations.room_equations``.

    Parameters
    ----------
    here : FitProblem
        With the lateral view as it is believed to be.
    device : Device
    ends : sequence of Parameters
    told : ViewDetection
        The lateral view as it was told.
    error : LateralError
        What it is believed to be off by.
    """
    with device.active():
        levels = Levels.of(here, device, here.models)
        poses = Poses.of(device, ends, levels.surfaces.rank)
        stage = FitStage(here.constants.stages[-1].factor, levels.surfaces.rank, iterations=0)
        plain = levels.at(poses, stage, levels.alone())
        at = plain.evaluate(poses)
        rows = zip(here.models, ends, levels.judged(plain, at), strict=True)
        said = [evidence_of(model, end, own.equations, own.covariance) for model, end, own in rows]
        priors = exchange(here.models, said, here.constants).priors
        spine = levels.believed(plain, levels.trusts(plain, at), priors)
        moves = [error.motion(told.projection, points) for points in device.fetch(at.points_world)]
        found = spine.factors()
        spine.linearise(at, found)
        parts = (spine.hessian(found), found.gradient, *_by_the_room(spine, at, found, device.upload(np.stack(moves))))
        hessians, gradients, crosses, rooms, slopes = (device.fetch(part) for part in parts)
    sizes = [POSE + model.rank for model in here.models]
    return [
        RoomEquations(
            own=NormalEquations(hessians[row, :size, :size].copy(), gradients[row, :size].copy()),
            cross=crosses[row, :size],
            hessian=rooms[row],
            gradient=slopes[row],
        )
        for row, size in enumerate(sizes)
    ]


def _by_the_room(
    spine: Spine, at: Evaluation, found: Factors, moves: DeviceArray
) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """Cross terms (L, P, C), Hessian (L, C, C) and gradient (L, C) of the lateral view's C errors.

    ``moves`` (L, v + 7, 3, C) are the motions in the world that do to the image what a unit of each error does.
    """
    xp, count = spine.device.xp, spine.surfaces.vertex_count
    areas = turned(at.poses.rotation, spine.surfaces.areas(at.points_model[:, :count]))
    flow = (areas[..., None] * moves[:, :count]).sum(axis=2).astype(xp.float32)
    weight, scale = spine.images.curvature_weight(at.images), spine.images.vertex_scale(at.seen, at.images)
    columns = spine.images.new_columns(flow.shape[-1])
    spine.images.deposit(at.seen, flow, scale, weight, columns)
    pull = scale * spine.images.vertex_pull(at.seen, at.images, weight)
    slope = (flow * pull[:, LAT, :, None]).sum(axis=1)
    rows, residual = spine.landmarks.rows(at.points_world[:, count:], moves[:, count:])
    own, own_rows = found.columns[:, LAT], found.rows[:, LAT]
    cross = xp.matmul(own.transpose(0, 2, 1), columns[:, LAT]).astype(xp.float64)
    room = xp.matmul(columns[:, LAT].transpose(0, 2, 1), columns[:, LAT]).astype(xp.float64)
    return (
        cross + xp.matmul(own_rows.transpose(0, 2, 1), rows[:, LAT]),
        room + xp.matmul(rows[:, LAT].transpose(0, 2, 1), rows[:, LAT]),
        slope + (rows * residual[..., None])[:, LAT].sum(axis=1),
    )
