"""Trace of the paper's optimiser to its own stop, scored on the way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.registration_cases import LevelError, RegistrationCase, score_unjudged
from lumbar3d.anatomy import LEVELS
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.registration.bobyqa import fit_together
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import initial_poses, triangulate_landmarks
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel

LEAST_SHARE = 1.06
"""The error is looked at whenever so many times more evaluations have been made."""
STRIDE = 5
"""Of the vertices at which the course of the error is followed."""
SETTLED_MM = 0.01


@dataclass(frozen=True, eq=False)
class Best:
    """The best point when so many evaluations had been made."""

    evaluations: int
    parameters: Sequence[Parameters]


@dataclass(frozen=True, eq=False)
class Trace:
    """Course of one run.

    Attributes
    ----------
    best : list of Best
        Whenever the loss had fallen.
    evaluations : int
    wall_s, cpu_s : float
        Of the whole run, without scoring.
    """

    case: RegistrationCase
    models: Sequence[ShapeModel]
    best: list[Best]
    evaluations: int
    wall_s: float
    cpu_s: float

    def errors(self, evaluations: int) -> tuple[LevelError, ...]:
        """The best point of the first so many evaluations, scored."""
        return score_unjudged(self.case.subject, self._vertebrae(self._until(evaluations)))

    def settled(self) -> int:
        """Evaluations after which the error of the sound levels was within ``SETTLED_MM`` of the least it ever had."""
        subject = self.case.subject
        sound = [row for row, level in enumerate(LEVELS) if level not in subject.deformed_levels]
        locators = {row: SurfaceLocator(subject.meshes_world[LEVELS[row]]) for row in sound}
        course, last = [], 0
        for best in self.best:
            if best.evaluations < LEAST_SHARE * last:
                continue
            vertebrae, last = self._vertebrae(best), best.evaluations
            found = [locators[row].closest(vertebrae[row].vertices_world()[::STRIDE])[1].mean() for row in sound]
            course.append((best.evaluations, float(np.mean(found))))
        least = min(error for _, error in course)
        return next(count for count, error in course if error < least + SETTLED_MM)

    def _until(self, evaluations: int) -> Best:
        return max((best for best in self.best if best.evaluations <= evaluations), key=lambda best: best.evaluations)

    def _vertebrae(self, best: Best) -> list[FittedVertebra]:
        pairs = zip(self.models, best.parameters, strict=True)
        return [FittedVertebra(m, at.world_from_model, at.coefficients, np.eye(6 + m.rank)) for m, at in pairs]


def trace(case: RegistrationCase, models: Sequence[ShapeModel], constants: RegistrationConstants) -> Trace:
    """Run BOBYQA from the same start as every fit, until it stops."""
    detection = case.simulated.detection
    task = FitProblem(models, detection, CpuProjector(), constants, lambda _: None)
    landmarks = triangulate_landmarks(detection, constants)
    starts = initial_poses(models, landmarks)
    best: list[Best] = []
    wall, cpu = time.perf_counter(), time.process_time()
    _, evaluations = fit_together(task, starts, lambda count, at: best.append(Best(count, at)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Trace(case, models, best, evaluations, wall, cpu)
