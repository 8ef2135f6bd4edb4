"""Levenberg-Marquardt optimiser with step caps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from lumbar3d.arrays import Array
from lumbar3d.errors import RegistrationError
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.objective import Evaluation, NormalEquations, Objective
from lumbar3d.registration.parameters import POSE, Parameters

FINE_PX = 2
"""Pixel of the finest usual step."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """End of a stage and the number of its renderings."""

    evaluation: Evaluation
    evaluations: int


def minimise(objective: Objective, start: Parameters, iterations: int, constants: RegistrationConstants) -> Minimum:
    """Descend until the cost falls, or can be expected to fall, by too little, or the iterations are used up.

    Too little is ``relative_decrease`` on pixels of ``FINE_PX``; on coarser ones it grows with their area, because the
    next step has another minimum anyway.

    Raises
    ------
    RegistrationError
        The cost is not finite or the normal equations cannot be solved.
    """
    best = _checked(objective.evaluate(start))
    damping, evaluations = constants.damping, 1
    tolerance = constants.relative_decrease * (objective.images[0].factor / FINE_PX) ** 2
    for _ in range(iterations):
        before, least, equations = best.cost, tolerance * best.cost, objective.linearise(best)
        step = _capped(_solve(equations, damping), constants)
        while _expected_decrease(equations, step) > least / 2:
            trial = _checked(objective.evaluate(best.parameters.moved(step, constants.coefficient_limit_sd)))
            evaluations += 1
            if trial.cost < best.cost:
                best, damping = trial, max(damping / constants.damping_down, constants.damping)
                break
            damping *= constants.damping_up
            step = _capped(_solve(equations, damping), constants)
        if before - best.cost < least:
            break
    return Minimum(best, evaluations)


def _expected_decrease(equations: NormalEquations, step: Array) -> float:
    """What the quadratic model of the cost promises; it goes to zero as the damping grows."""
    return -float(equations.gradient @ step + 0.5 * step @ equations.hessian @ step)


def _solve(equations: NormalEquations, damping: float) -> Array:
    damped = equations.hessian.copy()
    np.fill_diagonal(damped, (1.0 + damping) * np.diag(equations.hessian))
    try:
        return np.asarray(cho_solve(cho_factor(damped, lower=True), -equations.gradient))
    except (LinAlgError, ValueError) as error:
        raise RegistrationError("the fit's normal equations cannot be solved") from error


def _capped(step: Array, constants: RegistrationConstants) -> Array:
    """Shorten a step so that none of its parts leaves the range where the linear model holds."""
    excess = max(
        1.0,
        float(np.linalg.norm(step[:3])) / constants.step_rotation_rad,
        float(np.linalg.norm(step[3:POSE])) / constants.step_translation_mm,
        float(np.abs(step[POSE:]).max(initial=0.0)) / constants.step_coefficient_sd,
    )
    return step / excess


def _checked(evaluation: Evaluation) -> Evaluation:
    if not np.isfinite(evaluation.cost):
        raise RegistrationError("the fit's cost is not finite")
    return evaluation
