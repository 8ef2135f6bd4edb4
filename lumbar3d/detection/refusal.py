"""When an answer would not be honest, and what to say then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import LEVELS
from lumbar3d.detection.count import LumbarCount, count_lumbar
from lumbar3d.detection.decode import LevelReading
from lumbar3d.detection.diagnosis import VIEW_TITLE, Change, Look, diagnose
from lumbar3d.detection.guess import Guess
from lumbar3d.detection.truncation import is_beyond_film
from lumbar3d.errors import (
    LevelsNotFoundError,
    RejectedError,
    SpineTruncatedError,
    UnlikeTrainingFilmsError,
    VertebraCountError,
    ViewNotRecognisedError,
    ViewsContradictError,
)
from lumbar3d.geometry.triangulation import triangulate
from lumbar3d.imaging.preprocess import ViewName

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RefusalConstants:
    """Thresholds of the first refusal; registration and quality judge again.

    ``python -m benchmarks.network_refusal --first 600 --choose`` prints what they were chosen from.

    Attributes
    ----------
    least_confidence, least_mean_confidence : float
        Of the weakest level and of the five together, per view. On simulated validation patients 99 true films in a
        hundred reach at least 0.36 and 0.55; of films turned or inverted or without a spine the likeliest is at 0.42
        and 0.56, of films of the other view at 0.53 and 0.62, which is why there is a second limit:
    clear_confidence, clear_mean_confidence : float
        The same for what leaves no doubt. Below it, other ways to read a film are tried; one that is better tells what
        is wrong with it. A film that could be answered is refused only for one that is clear.
    better_by : float
        Mean confidence that such a way has to gain.
    least_count_confidence : float
        Of a number of vertebrae, to be named.
    largest_ray_distance_mm : float
        Median over the levels of the distance between the two rays through a vertebra's centre.
    largest_level_ray_distance_mm : float
        The same of any level: vertebrae lie some 35 mm apart, so one view's level is another one's in the other.
    unusual_novelty, largest_novelty : float
        Novelty (``detection.novelty``) from which an answer asks for review, and from which there is none: above true
        films (1.1), and above films of a lumbar spine however they are spoiled (2.1). Noise has 2.1 to 3.2.
    """

    least_confidence: float = 0.35
    least_mean_confidence: float = 0.55
    clear_confidence: float = 0.6
    clear_mean_confidence: float = 0.7
    better_by: float = 0.1
    least_count_confidence: float = 0.9
    largest_ray_distance_mm: float = 15.0
    largest_level_ray_distance_mm: float = 20.0
    unusual_novelty: float = 1.25
    largest_novelty: float = 2.5


CONSTANTS = RefusalConstants()
_GRAVEST: tuple[type[RejectedError], ...] = (ViewNotRecognisedError, SpineTruncatedError, LevelsNotFoundError)
_IN_WORDS = {4: "four", 6: "six"}


def refuse_unreadable(guesses: Sequence[Guess], look: Look) -> LumbarCount:
    """Stop where a view does not show five complete lumbar vertebrae; the number of them otherwise.

    Parameters
    ----------
    guesses : two of Guess
        AP and LAT.
    look : callable
        The first network, for saying what is wrong.

    Raises
    ------
    VertebraCountError
        Four or six lumbar vertebrae.
    ViewNotRecognisedError
        A film is turned, mirrored, inverted or of the other view, or shows no lumbar spine.
    SpineTruncatedError
        A film ends before the first or the last of them.
    LevelsNotFoundError
        Some level is missing for another reason.
    """
    count = count_lumbar([guess.reading for guess in guesses])
    if count.count != len(LEVELS) and count.confidence >= CONSTANTS.least_count_confidence:
        raise VertebraCountError(
            f"the images show {_IN_WORDS[count.count]} lumbar vertebrae; only five can be reconstructed"
        )
    changes = [_better_reading(guess, look) for guess in guesses]
    if all(change is not None and change.other_view for change in changes):
        raise ViewNotRecognisedError("the two images seem to be exchanged")
    reasons = [
        _reason(guess, change)
        for guess, change in zip(guesses, changes, strict=True)
        if change is not None or is_unsure(guess.reading)
    ]
    if reasons:
        gravest = min((kind for kind, _ in reasons), key=_GRAVEST.index)
        raise gravest("; ".join(text for _, text in reasons))
    return count


def refuse_contradiction(rays: Sequence[tuple[Array, Array]]) -> None:
    """Stop where the rays of both views through the same vertebra do not nearly meet.

    A wrong level, a film of another patient or a wrong calibration shows here.

    Parameters
    ----------
    rays : two of ((5, 3), (5, 3)) float
        World origins and directions through the centres of the vertebrae, AP and LAT.

    Raises
    ------
    ViewsContradictError
        The median distance between the rays is too large, or that of a level is that to its neighbour.
    """
    (ap_origins, ap_directions), (lat_origins, lat_directions) = rays
    _, distance_mm = triangulate(ap_origins, ap_directions, lat_origins, lat_directions)
    if float(np.median(distance_mm)) > CONSTANTS.largest_ray_distance_mm:
        raise ViewsContradictError("the two images and the calibration do not agree on where the vertebrae are")
    if float(distance_mm.max()) > CONSTANTS.largest_level_ray_distance_mm:
        raise ViewsContradictError("the two images do not agree on which vertebra is which")


def refuse_strange(view: ViewName, novelty: float) -> None:
    """Stop where a film is far from everything that the network has learned.

    Raises
    ------
    UnlikeTrainingFilmsError
        Its novelty is too large.
    """
    if novelty > CONSTANTS.largest_novelty:
        raise UnlikeTrainingFilmsError(f"the {VIEW_TITLE[view]} image is unlike the films the network has learned on")


def is_unsure(reading: LevelReading) -> bool:
    """Whether not all five levels were found."""
    least = CONSTANTS.least_confidence, CONSTANTS.least_mean_confidence
    return not _reaches(reading, *least)


def is_clear(reading: LevelReading) -> bool:
    """Whether all five levels were found as in true films."""
    return _reaches(reading, CONSTANTS.clear_confidence, CONSTANTS.clear_mean_confidence)


def _reaches(reading: LevelReading, least: float, least_mean: float) -> bool:
    return bool(reading.confidence.min() >= least and reading.confidence.mean() >= least_mean)


def _better_reading(guess: Guess, look: Look) -> Change | None:
    """The change of a film that is not clear after which it is, and is read with clearly more confidence."""
    if is_clear(guess.reading):
        return None
    enough = float(guess.reading.confidence.mean()) + CONSTANTS.better_by
    # Where nothing was found, naming the fault refuses nobody; where something was, the other way must be clear.
    found = (lambda reading: not is_unsure(reading)) if is_unsure(guess.reading) else is_clear
    return diagnose(guess.view, look, lambda reading: found(reading) and reading.confidence.mean() >= enough)


def _reason(guess: Guess, change: Change | None) -> tuple[type[RejectedError], str]:
    """Kind and words for one view in which the levels were not found."""
    view = guess.view.source.view
    image = f"the {VIEW_TITLE[view]} image"
    if change is not None:
        return ViewNotRecognisedError, f"{image} seems to be {change.words(view)}"
    sure = tuple(
        level
        for level, height in zip(LEVELS, guess.reading.confidence, strict=True)
        if height >= CONSTANTS.least_confidence
    )
    if len(sure) < 2:
        return ViewNotRecognisedError, f"no lumbar spine was found in {image}; it must show L1 to L5, upright"
    missing = [level for level in LEVELS if level not in sure]
    if missing and all(is_beyond_film(level, sure, guess.reading, guess.view.film) for level in missing):
        return SpineTruncatedError, f"{image} ends before {' and '.join(missing)}"
    named = ", ".join(missing) or "L1 to L5 with enough confidence"
    return LevelsNotFoundError, f"{named} not found in {image}"
