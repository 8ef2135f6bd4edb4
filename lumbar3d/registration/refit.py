"""Fit of some levels of a spine again, from where they are, with the others as they were left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lumbar3d.registration.coarse_to_fine import coarse_fits, last_fits
from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.initialise import Landmarks, initial_pose
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.level_coupling import exchange
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem, silent
from lumbar3d.registration.register import assemble, finish, judged
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room import LateralError
from lumbar3d.registration.room_refinement import in_room
from lumbar3d.shape.model import ShapeModel

WARM_STAGES = 2
"""The last stages are enough where a level has been found before."""
NEAR_MM = 3.0
"""Further from where its landmarks now are, a level starts there, through all stages: 8 pixels of the coarsest grid are
7 mm, of that of the second stage half as much."""
HAND_SIGMA_MM = 0.7
"""Of a landmark that somebody has set, in a film: what a careful reader is off by on a sharp edge; not tuned. The
images count as well, so a landmark that contradicts them moves the vertebra a part of the way."""


def refit(
    task: FitProblem,
    landmarks: Landmarks,
    before: Sequence[LevelAtEnd | Parameters],
    method: str,
    error: LateralError | None = None,
) -> Registration:
    """Reconstruct the levels of a detection of which most have been before.

    Parameters
    ----------
    task : FitProblem
        With the room as it was told.
    landmarks : Landmarks
        Triangulated in the room as it is believed to be.
    before : sequence of LevelAtEnd or Parameters
        A row each: a level that stays as it is, broken too, or where one that is fitted again was; it is fitted sound.
    method : str
        Of the first fit, for the record.
    error : LateralError, optional
        What a refined room is off by; it stays as it was found.

    Raises
    ------
    RejectedError
        A vertebra lies outside an image.
    RegistrationError
        The fit failed numerically.
    """
    task = replace(task, models=[_model(*pair) for pair in zip(task.models, before, strict=True)])
    here = task if error is None else in_room(task, error)
    rows = [row for row, level in enumerate(before) if isinstance(level, Parameters)]
    models = [task.models[row] for row in rows]
    starts = [_start(task.models[row], landmarks, before[row], task.constants.stages) for row in rows]
    quiet = replace(here, progress=silent)
    found = coarse_fits(quiet, models, [start for start, _ in starts], [stages for _, stages in starts])
    coarse = dict(zip(rows, found, strict=True))
    said = [coarse.get(row, level).evidence for row, level in enumerate(before)]  # type: ignore[union-attr]
    told = exchange(task.models, said, task.constants)
    ends = [end for end, _ in last_fits(quiet, models, found, [told.priors[row] for row in rows])]
    fitted = dict(zip(rows, judged(task, error, models, ends), strict=True))
    levels = [fitted[row] if isinstance(level, Parameters) else level for row, level in enumerate(before)]
    finished = finish(task, levels, error)
    return assemble(task, method, landmarks, finished, (sum(level.evaluations for level in found), {}))


def _model(model: ShapeModel, level: LevelAtEnd | Parameters) -> ShapeModel:
    """The sound model, or the broken one of a level that stays broken."""
    return model.with_modes(len(level.end.coefficients)) if isinstance(level, LevelAtEnd) else model


def _start(
    model: ShapeModel, landmarks: Landmarks, level: LevelAtEnd | Parameters, stages: tuple[FitStage, ...]
) -> tuple[Parameters, tuple[FitStage, ...]]:
    """Where a level was, or where its landmarks are now if that is elsewhere; with the stages from there."""
    assert isinstance(level, Parameters)
    pose = initial_pose(model, landmarks)
    if np.linalg.norm(pose[:3, 3] - level.world_from_model[:3, 3]) < NEAR_MM:
        return Parameters(level.world_from_model, level.coefficients[: model.rank]), stages[-WARM_STAGES:]
    return Parameters(pose, np.zeros(model.rank)), stages
