"""Levels on a device: what all stages of their fit share, and the cost of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array, Places
from lumbar3d.errors import RegistrationError
from lumbar3d.registration import image_term, landmark_term
from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.level_coupling import evidence_of
from lumbar3d.registration.objective import Knowledge, NormalEquations
from lumbar3d.registration.one_level import CoarseFit
from lumbar3d.registration.parameters import POSE, Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.resident.descent import descent
from lumbar3d.registration.resident.device import Device, DeviceArray
from lumbar3d.registration.resident.images import Images
from lumbar3d.registration.resident.landmarks import Landmarks, landmarks
from lumbar3d.registration.resident.poses import Poses
from lumbar3d.registration.resident.regions import Regions, regions
from lumbar3d.registration.resident.spine import Evaluation, Priors, Spine
from lumbar3d.registration.resident.surfaces import Surfaces, surfaces
from lumbar3d.registration.resident.views import Views, views
from lumbar3d.shape.joint_prior import LevelPrior
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True, eq=False)
class Alone:
    """What the images alone say of a level: normal equations, and the inverse of their Hessian."""

    equations: NormalEquations
    covariance: Array


def inverses(device: Device, matrices: DeviceArray) -> DeviceArray:
    """Inverses of symmetric matrices (L, P, P) float64.

    Raises
    ------
    RegistrationError
        One is singular.
    """
    found = device.xp.linalg.inv(matrices)
    if not bool(device.fetch(device.xp.isfinite(found).all())):
        raise RegistrationError("the posterior of the fit is singular")
    return (found + found.transpose(0, 2, 1)) / 2


@dataclass(frozen=True, eq=False)
class Levels:
    """What all stages share, on the device."""

    task: FitProblem
    device: Device
    models: Sequence[ShapeModel]
    surfaces: Surfaces
    views: Views
    landmarks: Landmarks

    @classmethod
    def of(cls, task: FitProblem, device: Device, models: Sequence[ShapeModel]) -> Levels:
        """Upload the views and landmarks of some levels of the detection, and the levels' models where not done."""
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
            trusts, alone = self.trusts(spine, at), self.judged(spine, at)
            for row, model in enumerate(self.models):
                spent = found[row].evaluations + int(counts[row])
                found[row] = replace(found[row], end=ends[row], evaluations=spent)
                if stage.modes >= model.rank:  # before, the residual shows the shape that was not free yet
                    said = evidence_of(model, ends[row], alone[row].equations, alone[row].covariance)
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

    def trusts(self, spine: Spine, at: Evaluation) -> list[tuple[float, float]]:
        """Weight factors of the views' images, from their own residuals; as ``Objective.trust``."""
        constants = self.task.constants
        noise = self.device.fetch(spine.images.noise(at.images))
        trusts = np.clip((constants.reference_noise / noise) ** 2, *constants.trust_limits)
        return [(float(ap), float(lat)) for ap, lat in trusts]

    def believed(self, spine: Spine, trusts: Sequence[tuple[float, float]], priors: Sequence[LevelPrior]) -> Spine:
        """The same cost with other weights of the views and other priors."""
        shares = self.device.upload(np.array(trusts, dtype=np.float32)[..., None, None])
        here = replace(spine.images.regions, weight=shares * spine.images.regions.weight)
        return replace(spine, images=replace(spine.images, regions=here), priors=self._priors(priors))

    def judged(self, spine: Spine, at: Evaluation) -> list[Alone]:
        """What the images alone say, with their own noise, of each level in its own modes.

        Raises
        ------
        RegistrationError
            A Hessian is singular.
        """
        found = spine.factors()
        spine.linearise(at, found, measured_noise=True)
        hessian = spine.hessian(found)
        parts = (hessian, found.gradient, inverses(self.device, hessian))
        hessians, gradients, covariances = (self.device.fetch(part) for part in parts)
        alone = []
        for row, model in enumerate(self.models):
            own = slice(POSE + min(spine.active, model.rank))
            equations = NormalEquations(hessians[row, own, own].copy(), gradients[row, own].copy())
            alone.append(Alone(equations, covariances[row, own, own]))
        return alone
