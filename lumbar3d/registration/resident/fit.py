"""Fit of all levels on a device: what ``coarse_to_fine``, ``register`` and ``rough_fits`` ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array, Places
from lumbar3d.registration import image_term, landmark_term
from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.level_coupling import evidence
from lumbar3d.registration.objective import Knowledge, NormalEquations
from lumbar3d.registration.one_level import CoarseFit
from lumbar3d.registration.parameters import POSE, Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.resident.agreement import view_qualities
from lumbar3d.registration.resident.descent import descent
from lumbar3d.registration.resident.device import Device
from lumbar3d.registration.resident.images import Images
from lumbar3d.registration.resident.landmarks import Landmarks, landmarks
from lumbar3d.registration.resident.poses import Poses
from lumbar3d.registration.resident.regions import Regions, regions
from lumbar3d.registration.resident.spine import Evaluation, Priors, Spine
from lumbar3d.registration.resident.surfaces import Surfaces, surfaces
from lumbar3d.registration.resident.views import Views, views
from lumbar3d.shape.joint_prior import LevelPrior
from lumbar3d.shape.model import ShapeModel


def coarse_fits(
    task: FitProblem,
    device: Device,
    models: Sequence[ShapeModel],
    starts: Sequence[Parameters],
    stages: Sequence[tuple[FitStage, ...]],
) -> list[CoarseFit]:
    """All of its stages but the last for every level; those that share their stages go in lockstep.

    Raises
    ------
    RejectedError
        A vertebra lies outside an image.
    RegistrationError
        A fit failed numerically.
    DeviceError
        The device failed.
    """
    found: dict[int, CoarseFit] = {}
    for own in dict.fromkeys(stages):
        rows = [row for row, each in enumerate(stages) if each == own]
        with device.active():
            levels = _Levels.of(task, device, [models[row] for row in rows])
            found |= zip(rows, levels.coarse([starts[row] for row in rows], own[:-1]), strict=True)
    return [found[row] for row in range(len(models))]


def last_fits(
    task: FitProblem,
    device: Device,
    models: Sequence[ShapeModel],
    coarse: Sequence[CoarseFit],
    priors: Sequence[LevelPrior],
) -> list[tuple[Parameters, int]]:
    """Last stage of every level, each with a prior from the others; raises as ``coarse_fits``."""
    if not models:
        return []
    known = [Knowledge(prior, level.trust) for level, prior in zip(coarse, priors, strict=True)]
    with device.active():
        levels = _Levels.of(task, device, models)
        start = Poses.of(device, [level.end for level in coarse], levels.surfaces.rank)
        _, counts = levels.descend(start, task.constants.stages[-1], known)
        ends = start.fetched([model.rank for model in models])
    task.progress(1.0)
    return [(end, int(count)) for end, count in zip(ends, counts, strict=True)]


def judged(
    task: FitProblem, device: Device, models: Sequence[ShapeModel], ends: Sequence[Parameters]
) -> list[LevelAtEnd]:
    """What the images alone say of every level, at full resolution; as ``register.judge``."""
    if not models:
        return []
    with device.active():
        levels = _Levels.of(task, device, models)
        poses = Poses.of(device, ends, levels.surfaces.rank)
        spine = levels.at(poses, FitStage(1, levels.surfaces.rank, iterations=0), levels.alone())
        at = spine.evaluate(poses)
        equations = levels.posterior(spine, at)
        seen = view_qualities(spine.images, at.images)
    return [
        LevelAtEnd(end, own.hessian, evidence(model, end, own), views)
        for model, end, own, views in zip(models, ends, equations, seen, strict=True)
    ]


def image_costs(task: FitProblem, device: Device, ends: Sequence[Parameters], factor: int) -> Array:
    """(2,) image cost that all levels leave in AP and LAT on a grid of ``factor``, their mean."""
    with device.active():
        levels = _Levels.of(task, device, task.models)
        poses = Poses.of(device, ends, levels.surfaces.rank)
        spine = levels.at(poses, FitStage(factor, levels.surfaces.rank, iterations=0), levels.alone())
        costs = device.fetch(spine.evaluate(poses).images.cost)
    return np.asarray(costs.mean(axis=0))


@dataclass(frozen=True, eq=False)
class _Levels:
    """What all stages share, on the device."""

    task: FitProblem
    device: Device
    models: Sequence[ShapeModel]
    surfaces: Surfaces
    views: Views
    landmarks: Landmarks

    @classmethod
    def of(cls, task: FitProblem, device: Device, models: Sequence[ShapeModel]) -> _Levels:
        seen = task.detection.views
        shown = views(device, [view.projection for view in seen])
        rows = [task.detection.levels.index(model.level) for model in models]
        terms = [[landmark_term.prepare(view, row, task.constants) for view in seen] for row in rows]
        return cls(task, device, models, surfaces(device, tuple(models)), shown, landmarks(device, shown, terms))

    def alone(self) -> list[Knowledge]:
        """Every level by itself, both views counting in full."""
        return [Knowledge(LevelPrior.alone(model.rank)) for model in self.models]

    def coarse(self, starts: Sequence[Parameters], stages: Sequence[FitStage]) -> list[CoarseFit]:
        """Stages of levels that stand by themselves."""
        poses = Poses.of(self.device, starts, self.surfaces.rank)
        known = self.alone()
        found = [CoarseFit(start, level.trust, None, 0) for start, level in zip(starts, known, strict=True)]
        for stage in stages:
            spine, counts = self.descend(poses, stage, known)
            ends = poses.fetched([model.rank for model in self.models])
            at = spine.evaluate(poses)
            trusts, equations = self._trusts(spine, at), self.posterior(spine, at)
            for row, model in enumerate(self.models):
                spent = found[row].evaluations + int(counts[row])
                found[row] = replace(found[row], end=ends[row], evaluations=spent)
                if stage.modes >= model.rank:  # before, the residual shows the shape that was not free yet
                    said = evidence(model, ends[row], equations[row])
                    found[row] = replace(found[row], trust=trusts[row], evidence=said)
            known = [replace(level, trust=own.trust) for level, own in zip(known, found, strict=True)]
        return found

    def descend(self, poses: Poses, stage: FitStage, known: Sequence[Knowledge]) -> tuple[Spine, Places]:
        """Move the poses to the end of a stage; its cost, and the evaluations of each level."""
        spine = self.at(poses, stage, known)
        counts = descent(spine, poses, stage.iterations, self.task.constants).run()
        return spine, counts

    def at(self, poses: Poses, stage: FitStage, known: Sequence[Knowledge]) -> Spine:
        """Cost of a stage with its regions about the poses; as ``objective.build_objective``."""
        modes = min(stage.modes, self.surfaces.rank)
        images = Images(self.device, self.surfaces, self._regions(poses, stage.factor, known))
        priors = self._priors([level.prior for level in known])
        return Spine(self.device, self.surfaces, self.views, images, self.landmarks, priors, modes)

    def _regions(self, poses: Poses, factor: int, known: Sequence[Knowledge]) -> Regions:
        xp, detection = self.device.xp, self.task.detection
        pixels = self.views.pixels(poses.world(self.surfaces.instance(poses.coefficients)))
        corners = self.device.fetch(xp.stack([pixels.min(axis=2), pixels.max(axis=2)], axis=2))
        terms = [
            [
                image_term.prepare(view, detection.levels.index(model.level), seen, factor, share, self.task.constants)
                for view, seen, share in zip(detection.views, own, level.trust, strict=True)
            ]
            for model, own, level in zip(self.models, corners, known, strict=True)
        ]
        return regions(self.device, terms)

    def _priors(self, priors: Sequence[LevelPrior]) -> Priors:
        rank = self.surfaces.rank
        mean, precision = np.zeros((len(priors), rank)), np.tile(np.eye(rank), (len(priors), 1, 1))
        for row, prior in enumerate(priors):
            own = len(prior.mean)
            mean[row, :own] = prior.mean
            precision[row, :own, :own] = prior.precision(own)
        return Priors(self.device.upload(mean), self.device.upload(precision))

    def _trusts(self, spine: Spine, at: Evaluation) -> list[tuple[float, float]]:
        """Weight factors of the views' images, from their own residuals; as ``Objective.trust``."""
        constants = self.task.constants
        noise = self.device.fetch(spine.images.noise(at.images))
        trusts = np.clip((constants.reference_noise / noise) ** 2, *constants.trust_limits)
        return [(float(ap), float(lat)) for ap, lat in trusts]

    def posterior(self, spine: Spine, at: Evaluation) -> list[NormalEquations]:
        """Normal equations with the images' own noise, each level's in its own modes."""
        found = spine.factors()
        spine.linearise(at, found, measured_noise=True)
        hessians, gradients = self.device.fetch(spine.hessian(found)), self.device.fetch(found.gradient)
        sizes = [POSE + min(spine.active, model.rank) for model in self.models]
        return [
            NormalEquations(hessian[:size, :size].copy(), gradient[:size].copy())
            for hessian, gradient, size in zip(hessians, gradients, sizes, strict=True)
        ]
