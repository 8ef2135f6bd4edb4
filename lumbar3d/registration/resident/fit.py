"""Fit of all levels on a device: what ``coarse_to_fine`` asks of it."""

from __future__ import annotations

from collections.abc import Sequence

from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.objective import Knowledge
from lumbar3d.registration.one_level import CoarseFit
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.resident.device import Device
from lumbar3d.registration.resident.levels import Levels
from lumbar3d.registration.resident.poses import Poses
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

    Raises what ``coarse_to_fine.fit_levels`` raises.
    """
    found: dict[int, CoarseFit] = {}
    for own in dict.fromkeys(stages):
        rows = [row for row, each in enumerate(stages) if each == own]
        with device.active():
            levels = Levels.of(task, device, [models[row] for row in rows])
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
        levels = Levels.of(task, device, models)
        start = Poses.of(device, [level.end for level in coarse], levels.surfaces.rank)
        _, counts = levels.descend(start, task.constants.stages[-1], known)
        ends = start.fetched([model.rank for model in models])
    task.progress(1.0)
    return [(end, int(count)) for end, count in zip(ends, counts, strict=True)]
