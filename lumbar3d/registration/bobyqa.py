"""BOBYQA, the paper's optimiser, kept as reference: all vertebrae, no gradient (arXiv 2503.14573, eqs 9-11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import nlopt
import numpy as np

from lumbar3d.anatomy import PROCESSES
from lumbar3d.arrays import Array, Image, Places
from lumbar3d.detection.result import ViewDetection
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.errors import Lumbar3dError, RegistrationError
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import Projection
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.image_region import landmark_weight, region
from lumbar3d.registration.parameters import POSE, Parameters, fit_surface
from lumbar3d.registration.problem import FitProblem
from lumbar3d.shape.mesh import TriangleMesh

Watch = Callable[[int, list[Parameters]], None]

BOUND_DEG = (15.0, 15.0, 30.0)
"""Rotation about the vertebra's x, y and its vertical axis; these bounds are the paper's."""
BOUND_MM = 10.0
BOUND_SD = 3.0
"""Translation and coefficients; the paper's too."""
FIRST_STEP = (0.05, 0.05, 0.05, 2.0, 2.0, 2.0)
FIRST_STEP_SD = 1.0
"""Radians and mm, then SD of the modes. The paper states none; not tuned."""


def fit_together(
    task: FitProblem, starts: Sequence[Parameters], watch: Watch | None = None
) -> tuple[list[Parameters], int]:
    """Minimise the landmark-weighted mean absolute difference of the combined images with NLopt's LN_BOBYQA.

    ``watch`` sees the number of evaluations and the vertebrae whenever the loss has fallen.

    Raises
    ------
    RegistrationError
        NLopt failed, or a surface left the room.
    RejectedError
        The spine lies outside an image.
    """
    modes = min(task.constants.bobyqa_modes, *(model.rank for model in task.models))
    views = tuple(_prepare(task, view, starts) for view in task.detection.views)
    loss = _Loss(task, starts, modes, views, watch)
    bound = np.tile([*np.radians(BOUND_DEG), *[BOUND_MM] * 3, *[BOUND_SD] * modes], len(starts))
    optimiser = nlopt.opt(nlopt.LN_BOBYQA, len(bound))
    optimiser.set_min_objective(loss)
    optimiser.set_lower_bounds(-bound)
    optimiser.set_upper_bounds(bound)
    optimiser.set_initial_step(np.tile([*FIRST_STEP, *[FIRST_STEP_SD] * modes], len(starts)))
    optimiser.set_maxeval(task.constants.bobyqa_evaluations)
    optimiser.set_xtol_rel(task.constants.bobyqa_tolerance)
    try:
        optimiser.optimize(np.zeros(len(bound)))
    except nlopt.RoundoffLimited:
        pass  # the best point so far is as good as arithmetic allows
    except Lumbar3dError:
        raise
    except (RuntimeError, ValueError, MemoryError, nlopt.ForcedStop) as error:
        raise RegistrationError("NLopt stopped with an error") from error
    return loss.parameters(loss.best_step), loss.evaluations


@dataclass(frozen=True, eq=False)
class _View:
    """One view's combined target and weights, cut to the spine."""

    projection: Projection
    target: Image
    weight: Image


@dataclass(eq=False)
class _Loss:
    """The paper's loss; remembers the best point, which BOBYQA's own answer need not be after an early stop."""

    task: FitProblem
    starts: Sequence[Parameters]
    modes: int
    views: tuple[_View, ...]
    watch: Watch | None
    evaluations: int = 0
    best_loss: float = np.inf
    best_step: Array = field(default_factory=lambda: np.zeros(0))

    def __call__(self, step: Array, _gradient: Array) -> float:
        """Loss at a step from the starts; BOBYQA asks for no gradient."""
        step = step.copy()  # NLopt lends a read-only view of memory that it reuses
        meshes = [self._mesh(index, at) for index, at in enumerate(self.parameters(step))]
        value = sum(self._view_loss(view, meshes) for view in self.views)
        self.evaluations += 1
        if value < self.best_loss:
            self.best_loss, self.best_step = value, step
            if self.watch is not None:
                self.watch(self.evaluations, self.parameters(step))
        self.task.progress(min(self.evaluations / self.task.constants.bobyqa_evaluations, 1.0))
        return value

    def parameters(self, step: Array) -> list[Parameters]:
        """The vertebrae at a step."""
        parts = step.reshape(len(self.starts), POSE + self.modes)
        return [start.moved(part, BOUND_SD) for start, part in zip(self.starts, parts, strict=True)]

    def _mesh(self, index: int, at: Parameters) -> TriangleMesh:
        surface = fit_surface(self.task.models[index])
        points = surface.instance(at.coefficients)[: surface.vertex_count]
        return TriangleMesh(frames.apply(at.world_from_model, points), surface.faces)

    def _view_loss(self, view: _View, meshes: list[TriangleMesh]) -> float:
        lengths = self.task.projector.path_lengths_mm(meshes, view.projection).sum(0)
        return float(np.vdot(view.weight, np.abs(drr_from_path_length(lengths) - view.target))) / view.weight.size


def _prepare(task: FitProblem, view: ViewDetection, starts: Sequence[Parameters]) -> _View:
    """Combine the channels to the paper's single image, ``1 - prod(1 - D)``, and weigh it by all processes."""
    surfaces = [fit_surface(model) for model in task.models]
    worlds = [
        frames.apply(at.world_from_model, surface.instance(at.coefficients))
        for surface, at in zip(surfaces, starts, strict=True)
    ]
    pixels = view.projection.project(np.concatenate(worlds))[0]
    corner, end = region(pixels, view.decomposition.shape[1:], task.constants)
    part = np.s_[:, corner[1] : end[1], corner[0] : end[0]]
    target = 1.0 - np.prod(1.0 - np.nan_to_num(view.decomposition[part]), axis=0)
    return _View(
        projection=view.projection.regrid(corner.astype(float), 1.0, int(end[1] - corner[1]), int(end[0] - corner[0])),
        target=target.astype(np.float32),
        weight=_weight(view, corner, end, task.constants),
    )


def _weight(view: ViewDetection, corner: Places, end: Places, constants: RegistrationConstants) -> Image:
    u, v = np.arange(corner[0], end[0])[None, :], np.arange(corner[1], end[1])[:, None]
    centres = view.landmarks_px[:, PROCESSES].reshape(-1, 2)
    return landmark_weight(centres, u, v, constants).astype(np.float32)
