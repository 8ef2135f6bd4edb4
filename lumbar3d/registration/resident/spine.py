"""Cost of all levels at one pyramid step, with Gauss-Newton's normal equations; as ``registration.objective``."""

from __future__ import annotations

from dataclasses import dataclass

from lumbar3d.registration.parameters import POSE
from lumbar3d.registration.resident.device import Device, DeviceArray
from lumbar3d.registration.resident.images import Comparison, Images
from lumbar3d.registration.resident.landmarks import Landmarks
from lumbar3d.registration.resident.poses import Poses
from lumbar3d.registration.resident.surfaces import Surfaces
from lumbar3d.registration.resident.views import Seen, Views


@dataclass(frozen=True, eq=False)
class Priors:
    """Gaussian priors of the levels' coefficients.

    Attributes
    ----------
    mean : (L, K) float64
    precision : (L, K, K) float64
        Unit for the coefficients that a level does not have.
    """

    mean: DeviceArray
    precision: DeviceArray

    def slope(self, coefficients: DeviceArray) -> DeviceArray:
        """Derivative (L, K) of the cost by the coefficients."""
        return (self.precision * (coefficients - self.mean)[:, None, :]).sum(axis=-1)

    def cost(self, coefficients: DeviceArray) -> DeviceArray:
        """Negative log densities (L,) without their constants."""
        return 0.5 * ((coefficients - self.mean) * self.slope(coefficients)).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Cost of the levels and what it was made of.

    Attributes
    ----------
    cost : (L,) float64
    in_front : (L,) bool
        Whether the surface keeps clear of the sources.
    poses : Poses
    points_model, points_world : (L, v + 7, 3) float64
    seen : Seen
        The vertices.
    images : Comparison
    """

    cost: DeviceArray
    in_front: DeviceArray
    poses: Poses
    points_model: DeviceArray
    points_world: DeviceArray
    seen: Seen
    images: Comparison


@dataclass(frozen=True, eq=False)
class Factors:
    """What the normal equations are products of.

    Attributes
    ----------
    columns : (L, V, cells, P) float32
    rows : (L, V, 14, P) float64
    gradient : (L, P) float64
    """

    columns: DeviceArray
    rows: DeviceArray
    gradient: DeviceArray


@dataclass(frozen=True, eq=False)
class Spine:
    """Cost of all levels at one pyramid step; ``active`` modes move."""

    device: Device
    surfaces: Surfaces
    views: Views
    images: Images
    landmarks: Landmarks
    priors: Priors
    active: int

    def evaluate(self, poses: Poses) -> Evaluation:
        """Render all views of all levels and sum the costs."""
        model = self.surfaces.instance(poses.coefficients)
        world = poses.world(model)
        count = self.surfaces.vertex_count
        seen = self.views.project(world[:, :count])
        images = self.images.compare(seen)
        cost = images.cost.sum(axis=1) + self.landmarks.cost(world[:, count:]) + self.priors.cost(poses.coefficients)
        in_front = (seen.depth_mm > 1.0).all(axis=(1, 2))
        return Evaluation(cost, in_front, poses, model, world, seen, images)

    def factors(self) -> Factors:
        """Room for what ``linearise`` finds."""
        xp, parameters, levels = self.device.xp, POSE + self.active, self.surfaces.levels
        seen, marks = self.landmarks.target_px.shape[1:3]
        rows = xp.zeros((levels, seen, 2 * marks, parameters))
        return Factors(self.images.new_columns(parameters), rows, xp.zeros((levels, parameters)))

    def linearise(self, at: Evaluation, into: Factors, measured_noise: bool = False) -> None:
        """Factors of the normal equations in [omega, translation, active modes]; as ``Objective.linearise``."""
        count = self.surfaces.vertex_count
        vertices = at.points_model[:, :count]
        motion = self.surfaces.motion(vertices, self.surfaces.areas(vertices), at.poses.rotation, self.active)
        weigh = self.images.noise_weight if measured_noise else self.images.curvature_weight
        weight = weigh(at.images)
        scale = self.images.vertex_scale(at.seen, at.images)
        pull = (scale * self.images.vertex_pull(at.seen, at.images, weight)).sum(axis=1)
        self.images.deposit(at.seen, motion, scale, weight, into.columns)
        moved = self.surfaces.landmark_motion(at.points_model[:, count:], at.poses.rotation, self.active)
        rows, residual = self.landmarks.rows(at.points_world[:, count:], moved)
        into.rows[...] = rows
        into.gradient[...] = (motion * pull[..., None]).sum(axis=1) + (rows * residual[..., None]).sum(axis=(1, 2))
        into.gradient[:, POSE:] += self.priors.slope(at.poses.coefficients)[:, : self.active]

    def hessian(self, found: Factors) -> DeviceArray:
        """Products of the factors, (L, P, P) float64; a BLAS takes most of the time of a fit."""
        xp, levels = self.device.xp, self.surfaces.levels
        columns = found.columns.reshape(levels, -1, found.columns.shape[-1])
        image = xp.matmul(columns.transpose(0, 2, 1), columns).astype(xp.float64)
        rows = found.rows.reshape(levels, -1, found.rows.shape[-1])
        hessian = image + xp.matmul(rows.transpose(0, 2, 1), rows)
        hessian[:, POSE:, POSE:] += self.priors.precision[:, : self.active, : self.active]
        return hessian
