"""Objective of one vertebra: images, landmarks and prior, with Gauss-Newton's normal equations."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.drr.projector import Projector
from lumbar3d.geometry import frames
from lumbar3d.registration import flux, image_term, landmark_term
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from lumbar3d.registration.image_term import ImageFit, ImageTerm
from lumbar3d.registration.landmark_term import LandmarkTerm
from lumbar3d.registration.parameters import POSE, FitSurface, Parameters, fit_surface
from lumbar3d.registration.problem import FitProblem
from lumbar3d.shape.joint_prior import LevelPrior
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The cost at one set of parameters and what it was made of.

    Attributes
    ----------
    cost : float
    parameters : Parameters
    points_model, points_world : (v + 7, 3) float64
        Fit vertices, then landmarks.
    images : tuple of ImageFit
        AP, LAT.
    """

    cost: float
    parameters: Parameters
    points_model: Array
    points_world: Array
    images: tuple[ImageFit, ...]


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """Second-order model of the cost.

    Attributes
    ----------
    hessian : (P, P) float64
    gradient : (P,) float64
    """

    hessian: Array
    gradient: Array


@dataclass(frozen=True, eq=False)
class Objective:
    """Cost of one vertebra at one pyramid step."""

    surface: FitSurface
    projector: Projector
    images: tuple[ImageTerm, ...]
    landmarks: tuple[LandmarkTerm, ...]
    prior: LevelPrior
    active_modes: int

    def evaluate(self, parameters: Parameters) -> Evaluation:
        """Render both views and sum the cost."""
        model = self.surface.instance(parameters.coefficients)
        world = frames.apply(parameters.world_from_model, model)
        mesh = TriangleMesh(world[: self.surface.vertex_count], self.surface.faces)
        images = tuple(term.compare(mesh, self.projector) for term in self.images)
        cost = sum(image.cost for image in images)
        cost += sum(term.cost(world[self.surface.vertex_count :]) for term in self.landmarks)
        cost += self.prior.cost(parameters.coefficients)
        return Evaluation(cost, parameters, model, world, images)

    def trust(self, at: Evaluation, constants: RegistrationConstants) -> tuple[float, float]:
        """Weight factor of each view's image, from its own residual."""
        noise = [term.noise(fit) for term, fit in zip(self.images, at.images, strict=True)]
        ap, lat = np.clip((constants.reference_noise / np.array(noise)) ** 2, *constants.trust_limits)
        return float(ap), float(lat)

    def trusting(self, trust: tuple[float, float]) -> Objective:
        """The same cost with other weights of the views; what was evaluated stays, but for its cost."""
        terms = zip(self.images, trust, strict=True)
        return replace(
            self, images=tuple(replace(term, weight=np.float32(share) * term.weight) for term, share in terms)
        )

    def linearise(self, at: Evaluation, measured_noise: bool = False) -> NormalEquations:
        """Gauss-Newton normal equations in [omega, translation, active modes].

        With ``measured_noise`` the image part has the inverse variance of the residuals instead of the robust loss's
        weights: the posterior's Hessian, and the slope that goes with it.
        """
        count, modes = self.surface.vertex_count, self.active_modes
        motion = self.surface_motion(at)
        hessian = np.zeros((POSE + modes, POSE + modes))
        pull = np.zeros(count, dtype=np.float32)
        world = at.points_world[:count]
        for term, fit in zip(self.images, at.images, strict=True):
            pixels = term.view.project(world)[0]
            scale = term.vertex_scale(world, pixels, fit)
            weight = term.noise_weight(fit) if measured_noise else term.curvature_weight(fit)
            pull += scale * term.vertex_pull(pixels, fit, weight)
            hessian += term.curvature(motion, scale, pixels, weight)
        gradient = (motion.T @ pull).astype(np.float64)
        self._add_landmarks_and_prior(at, hessian, gradient)
        return NormalEquations(hessian, gradient)

    def surface_motion(self, at: Evaluation) -> Image:
        """N_i . d_i of the fit vertices for a unit step of each parameter, (v, P)."""
        points, areas = at.points_model[: self.surface.vertex_count], self._areas(at)
        modes = self.surface.modes[: self.surface.vertex_count]
        return flux.normal_motion(points, areas, at.parameters.world_from_model[:3, :3], modes, self.active_modes)

    def surface_flow(self, at: Evaluation, motion_world: Array) -> Image:
        """N_i . d_i of the fit vertices for motions (v, 3, C) in the world, (v, C)."""
        areas_world = self._areas(at) @ at.parameters.world_from_model[:3, :3].T
        return np.asarray(np.einsum("vx,vxc->vc", areas_world, motion_world), dtype=np.float32)

    def _areas(self, at: Evaluation) -> Array:
        return flux.area_vectors(at.points_model[: self.surface.vertex_count], self.surface.faces)

    def _add_landmarks_and_prior(self, at: Evaluation, hessian: Array, gradient: Array) -> None:
        motion = self.landmark_motion(at)
        for term in self.landmarks:
            curvature, slope = term.normal_equations(at.points_world[self.surface.vertex_count :], motion)
            hessian += curvature
            gradient += slope
        hessian[POSE:, POSE:] += self.prior.precision(self.active_modes)
        gradient[POSE:] += self.prior.slope(at.parameters.coefficients, self.active_modes)

    def landmark_motion(self, at: Evaluation) -> Array:
        """d(landmark) / d(parameter), (7, 3, P)."""
        count, rotation = self.surface.vertex_count, at.parameters.world_from_model[:3, :3]
        x = at.points_model[count:]
        turned = np.stack([np.cross(axis, x) for axis in np.eye(3)], -1)
        moved = np.broadcast_to(np.eye(3), (len(x), 3, 3))
        return np.concatenate(
            [rotation @ turned, moved, rotation @ self.surface.modes[count:, :, : self.active_modes]], -1
        )


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Priors and weights that a stage has beyond its images.

    Attributes
    ----------
    prior : LevelPrior
    trust : (2,) floats
        Weight of AP and LAT.
    """

    prior: LevelPrior
    trust: tuple[float, float] = (1.0, 1.0)


def build_objective(
    task: FitProblem, model: ShapeModel, start: Parameters, stage: FitStage, known: Knowledge | None = None
) -> Objective:
    """Prepare one vertebra's cost at one pyramid step, regions placed about ``start``.

    Without ``known`` the level stands by itself and both views count in full.

    Raises
    ------
    RejectedError
        The vertebra lies outside an image.
    """
    known = known or Knowledge(LevelPrior.alone(model.rank))
    surface, row = fit_surface(model), task.detection.levels.index(model.level)
    world = frames.apply(start.world_from_model, surface.instance(start.coefficients))
    views = task.detection.views
    return Objective(
        surface=surface,
        projector=task.projector,
        images=tuple(
            image_term.prepare(view, row, view.projection.project(world)[0], stage.factor, weight, task.constants)
            for view, weight in zip(views, known.trust, strict=True)
        ),
        landmarks=tuple(landmark_term.prepare(view, row, task.constants) for view in views),
        prior=known.prior,
        active_modes=min(stage.modes, model.rank),
    )
