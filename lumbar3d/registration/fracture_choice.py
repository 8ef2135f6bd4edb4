"""Fracture choice: a vertebra fitted sound and broken, and the evidence that the images give for either.

The sound fit stays the answer unless the broken one is probable. Both are compared by Laplace's approximation of their
evidence (MacKay 2003, chapter 28), each vertebra under its own prior, with the views' noise at its most likely value.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.image_term import ImageFit, ImageTerm
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.level_coupling import exchange
from lumbar3d.registration.objective import build_objective
from lumbar3d.registration.one_level import fit_coarse, fit_last
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem, silent
from lumbar3d.registration.register import finish, judge
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room_refinement import in_room
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True)
class FractureConstants:
    """Prior odds and limit of the choice."""

    prior_probability: float = 0.5
    """Of a fracture in a vertebra that is asked (``engines.fractures``): of lumbar vertebrae some two in a hundred are
    broken (``training.population.prevalence``), and about as many sound ones have lost height enough to be asked."""
    least_probability: float = 0.9
    """From which the broken fit is the answer."""
    stages: int = 2
    """The last ones are enough for a vertebra that has been found."""


CONSTANTS = FractureConstants()


def choose(task: FitProblem, spine: Registration, rows: Collection[int]) -> Registration:
    """The spine with those levels broken that the evidence says are; the same spine where it says so of none.

    Parameters
    ----------
    task : FitProblem
        Of the sound fit, with the room as it was told.
    spine : Registration
    rows : collection of int
        Levels in question, fitted sound; their models have fracture modes.

    Raises
    ------
    RejectedError
        A vertebra lies outside an image.
    RegistrationError
        A fit failed numerically.
    """
    if not rows:
        return spine
    with ThreadPoolExecutor(task.constants.threads) as pool:
        chosen = dict(zip(rows, pool.map(lambda row: _better(task, spine, row), rows), strict=True))
    ends = tuple(chosen.get(row, level) for row, level in enumerate(spine.ends))
    models = [vertebra.model for vertebra in spine.vertebrae]
    fitted = [model.with_modes(len(level.end.coefficients)) for model, level in zip(models, ends, strict=True)]
    if fitted == models:
        return replace(spine, ends=ends)
    error = spine.room_error
    finished = finish(replace(task, models=fitted), ends, error)
    points = np.stack([vertebra.landmarks_world() for vertebra in finished.vertebrae])
    return replace(
        spine,
        vertebrae=finished.vertebrae,
        triangulated_mm=np.where(spine.landmark_seen[..., None], spine.triangulated_mm, points),
        image_residual=np.array([[view.residual for view in views] for views in finished.views]),
        silhouette_dice=np.array([[view.dice for view in views] for views in finished.views]),
        surface_sigma_mm=finished.surface_sigma_mm,
        neighbour_surprise=finished.surprise,
        room=finished.room,
        ends=finished.ends,
    )


def _better(task: FitProblem, spine: Registration, row: int) -> LevelAtEnd:
    """The level sound or broken, whichever is believed, with the probability that it is broken."""
    sound, model = spine.ends[row], spine.vertebrae[row].model
    assert model.fractured is not None  # asked for
    error = spine.room_error
    here = task if error is None else in_room(task, error)
    broken = judge(task, error, model.fractured, _broken_end(here, spine, row, model.fractured))
    gained = log_evidence(here, model.fractured, broken) - log_evidence(here, model, sound)
    odds = np.log(CONSTANTS.prior_probability / (1 - CONSTANTS.prior_probability))
    probability = float(1.0 / (1.0 + np.exp(-np.clip(gained + odds, -500.0, 500.0))))
    return replace(broken if probability > CONSTANTS.least_probability else sound, fracture_probability=probability)


def _broken_end(here: FitProblem, spine: Registration, row: int, broken: ShapeModel) -> Parameters:
    """Pose and shape of a level with its fracture modes, from its sound fit on, under what its neighbours say."""
    sound = spine.ends[row].end
    more = np.zeros(broken.rank - len(sound.coefficients))
    start = Parameters(sound.world_from_model, np.concatenate([sound.coefficients, more]))
    stages = here.constants.stages[-CONSTANTS.stages :]
    warm = replace(here, constants=replace(here.constants, stages=stages), progress=silent)
    coarse = fit_coarse(warm, broken, start)
    models: Sequence[ShapeModel] = [broken if k == row else each.model for k, each in enumerate(spine.vertebrae)]
    said = [coarse.evidence if k == row else level.evidence for k, level in enumerate(spine.ends)]
    prior = exchange(models, said, here.constants).priors[row]
    return fit_last(warm, broken, coarse, prior)[0]


def log_evidence(here: FitProblem, model: ShapeModel, level: LevelAtEnd) -> float:
    """Logarithm of a fit's evidence, up to what is the same for every model of the level.

    The prior of all coefficients is N(0, I), so only the determinant of the posterior's Hessian is left of Occam's
    factor.
    """
    objective = build_objective(here, model, level.end, FitStage(factor=1, modes=model.rank, iterations=0))
    at = objective.evaluate(level.end)
    seen = sum(_log_likelihood(term, fit) for term, fit in zip(objective.images, at.images, strict=True))
    landmarks = sum(term.cost(at.points_world[objective.surface.vertex_count :]) for term in objective.landmarks)
    prior = objective.prior.cost(level.end.coefficients)
    return float(seen - landmarks - prior - np.linalg.slogdet(level.hessian)[1] / 2)


def _log_likelihood(term: ImageTerm, fit: ImageFit) -> float:
    """Of the residuals in one view, one observation for each ``noise_correlation_px2`` of the detected vertebra."""
    constants = term.constants
    seen = float((term.target > constants.silhouette_opacity).sum()) * term.factor**2
    return -seen / constants.noise_correlation_px2 * float(np.log(term.noise(fit)))
