"""Posterior of all levels on a device, and their images' costs: what ``register`` and ``rough_fits`` ask of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.level_coupling import evidence_of
from lumbar3d.registration.parameters import POSE, Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.resident.agreement import view_qualities
from lumbar3d.registration.resident.device import Device, DeviceArray
from lumbar3d.registration.resident.levels import Levels, inverses
from lumbar3d.registration.resident.poses import Poses
from lumbar3d.registration.resident.surfaces import Surfaces
from lumbar3d.shape.joint_prior import LevelPrior
from lumbar3d.shape.model import ShapeModel


def judged(
    task: FitProblem, device: Device, models: Sequence[ShapeModel], ends: Sequence[Parameters]
) -> list[LevelAtEnd]:
    """What the images alone say of every level, at full resolution; as ``register.judge``."""
    if not models:
        return []
    with device.active():
        levels = Levels.of(task, device, models)
        poses = Poses.of(device, ends, levels.surfaces.rank)
        spine = levels.at(poses, FitStage(1, levels.surfaces.rank, iterations=0), levels.alone())
        at = spine.evaluate(poses)
        alone = levels.judged(spine, at)
        seen = view_qualities(spine.images, at.images)
    rows = zip(models, ends, alone, seen, strict=True)
    return [
        LevelAtEnd(end, own.equations.hessian, evidence_of(model, end, own.equations, own.covariance), views)
        for model, end, own, views in rows
    ]


def placed(
    task: FitProblem,
    device: Device,
    models: Sequence[ShapeModel],
    judged_levels: Sequence[LevelAtEnd],
    priors: Sequence[LevelPrior],
) -> tuple[list[Array], Array]:
    """Posterior covariance of each level under its prior, and its surface's standard errors (L,) in mm.

    As ``uncertainty.inverse`` and ``uncertainty.surface_sigma_mm``.
    """
    with device.active():
        levels = Levels.of(task, device, models)
        rank = levels.surfaces.rank
        hessians = np.tile(np.eye(POSE + rank), (len(models), 1, 1))
        for hessian, level, prior in zip(hessians, judged_levels, priors, strict=True):
            size = len(level.hessian)
            hessian[:size, :size] = level.hessian
            hessian[POSE:size, POSE:size] += prior.factor @ prior.factor.T
        covariances = inverses(device, device.upload(hessians))
        poses = Poses.of(device, [level.end for level in judged_levels], rank)
        sigmas = device.fetch(_surface_sigmas(levels.surfaces, poses, covariances))
        found = device.fetch(covariances)
    sizes = [len(level.hessian) for level in judged_levels]
    return [own[:size, :size].copy() for own, size in zip(found, sizes, strict=True)], sigmas


def _surface_sigmas(surfaces: Surfaces, poses: Poses, covariances: DeviceArray) -> DeviceArray:
    xp = surfaces.device.xp
    points = surfaces.instance(poses.coefficients)[:, : surfaces.vertex_count]
    areas = surfaces.areas(points)
    mm2 = xp.sqrt((areas**2).sum(axis=-1))
    motion = surfaces.motion(points, areas, poses.rotation, surfaces.rank)
    motion /= xp.sqrt(xp.maximum(mm2, 1e-12)).astype(motion.dtype)[..., None]  # mm times the root of the area
    variance = (xp.matmul(motion.transpose(0, 2, 1), motion) * covariances).sum(axis=(1, 2))
    return xp.sqrt(xp.maximum(variance, 0.0) / mm2.sum(axis=1))


def image_costs(task: FitProblem, device: Device, ends: Sequence[Parameters], factor: int) -> Array:
    """(2,) image cost that all levels leave in AP and LAT on a grid of ``factor``, their mean."""
    with device.active():
        levels = Levels.of(task, device, task.models)
        poses = Poses.of(device, ends, levels.surfaces.rank)
        spine = levels.at(poses, FitStage(factor, levels.surfaces.rank, iterations=0), levels.alone())
        costs = device.fetch(spine.evaluate(poses).images.cost)
    return np.asarray(costs.mean(axis=0))
