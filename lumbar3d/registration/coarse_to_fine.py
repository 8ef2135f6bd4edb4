"""Coarse-to-fine fit of all levels; before the last stage they tell each other what to expect.

Threads fit them side by side, or a device in lockstep (``registration.resident``).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

from lumbar3d.registration import one_level
from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.level_coupling import exchange
from lumbar3d.registration.one_level import CoarseFit
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.resident import fit as resident
from lumbar3d.shape.joint_prior import LevelPrior
from lumbar3d.shape.model import ShapeModel


def fit_levels(task: FitProblem, starts: Sequence[Parameters]) -> tuple[list[Parameters], int]:
    """Minimise the cost of every level from its start; also the number of evaluations.

    Raises
    ------
    RejectedError
        A vertebra lies outside an image.
    RegistrationError
        A fit failed numerically.
    DeviceError
        The device failed.
    """
    coarse = coarse_fits(task, task.models, starts, [task.constants.stages] * len(task.models))
    told = exchange(task.models, [level.evidence for level in coarse], task.constants)
    fine = last_fits(task, task.models, coarse, told.priors)
    return [end for end, _ in fine], sum(count for _, count in fine) + sum(level.evaluations for level in coarse)


def coarse_fits(
    task: FitProblem,
    models: Sequence[ShapeModel],
    starts: Sequence[Parameters],
    stages: Sequence[tuple[FitStage, ...]],
) -> list[CoarseFit]:
    """All of its stages but the last for every level, each by itself."""
    if task.device is not None:
        return resident.coarse_fits(task, task.device, models, starts, stages)

    def fitted(model: ShapeModel, start: Parameters, own: tuple[FitStage, ...]) -> CoarseFit:
        return one_level.fit_coarse(replace(task, constants=replace(task.constants, stages=own)), model, start)

    with ThreadPoolExecutor(task.constants.threads) as pool:
        return list(pool.map(fitted, models, starts, stages))


def last_fits(
    task: FitProblem, models: Sequence[ShapeModel], coarse: Sequence[CoarseFit], priors: Sequence[LevelPrior]
) -> list[tuple[Parameters, int]]:
    """Last stage of every level, each with a prior from the others, and its evaluations."""
    if task.device is not None:
        return resident.last_fits(task, task.device, models, coarse, priors)
    with ThreadPoolExecutor(task.constants.threads) as pool:
        levels = zip(models, coarse, priors, strict=True)
        jobs = [pool.submit(one_level.fit_last, task, *level) for level in levels]
        for done, _ in enumerate(as_completed(jobs), start=1):
            task.progress(done / len(jobs))
    return [job.result() for job in jobs]
