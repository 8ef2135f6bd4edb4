"""When an answer would not be honest, and what to say then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import LEVELS, VIEW_TITLE
from lumbar3d.detection.decode import LevelReading
from lumbar3d.detection.diagnosis import Change, Look, diagnose
from lumbar3d.detection.guess import Guess
from lumbar3d.detection.inspection import Inspection
from lumbar3d.detection.naming import Naming
from lumbar3d.detection.truncation import is_beyond_film
from lumbar3d.errors import (
    LevelNamesError,
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
        Of the weakest level and of the five together, per view. Of validation patients' films in the surroundings of
        training, most of them wilder than any real film, 19 in 20 reach 0.44 and 0.56 where the levels are read right;
        none that is read wrongly reaches 0.3 and 0.5. The second limit is higher because of a real film whose names
        are shifted at 0.59; all that is in doubt has a second limit:
    clear_confidence, clear_mean_confidence : float
        The same for what leaves no doubt. Below it, other ways to read a film are tried; one that is better tells what
        is wrong with it. A film that could be answered is refused only for one that is clear.
    better_by : float
        Mean confidence that such a way has to gain.
    least_count_confidence : float
        Of a number of vertebrae, to be named.
    least_view_names, least_names : float
        Probability of the names, of one film alone and of both together.
    largest_ray_distance_mm : float
        Median over the levels of the distance between the two rays through a vertebra's centre.
    largest_level_ray_distance_mm : float
        The same of any level: vertebrae lie some 35 mm apart, so one view's level is another one's in the other.
    unusual_novelty, largest_novelty : float
        Novelty (``detection.novelty``) from which an answer asks for review, and from which there is none: above true
        films (1.1), and above films of a lumbar spine however they are spoiled (2.1). Noise has 2.1 to 3.2.
    """

    least_confidence: float = 0.35
    least_mean_confidence: float = 0.6
    clear_confidence: float = 0.6
    clear_mean_confidence: float = 0.7
    better_by: float = 0.1
    least_count_confidence: float = 0.95
    least_view_names: float = 0.7
    least_names: float = 0.9
    largest_ray_distance_mm: float = 15.0
    largest_level_ray_distance_mm: float = 20.0
    unusual_novelty: float = 1.25
    largest_novelty: float = 2.5


CONSTANTS = RefusalConstants()
LEAST_SAID = 0.05
"""Probability of another name from which it is told."""
_GRAVEST: tuple[type[RejectedError], ...] = (ViewNotRecognisedError, SpineTruncatedError, LevelsNotFoundError)
_IN_WORDS = {4: "four", 6: "six"}


def refuse_unreadable(inspected: Sequence[Inspection], naming: Naming, look: Look) -> None:
    """Stop where a view does not show five complete lumbar vertebrae, or not which they are.

    Parameters
    ----------
    inspected : two of Inspection, or one
        AP and LAT.
    naming : Naming
        Of the first one's chain, by all of them together.
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
    LevelNamesError
        All five are there, but the looks at one film do not agree which of the spine's they are.
    """
    guesses = [each.guess for each in inspected]
    changes = [_better_reading(guess, look) for guess in guesses]
    if len(changes) > 1 and all(change is not None and change.other_view for change in changes):
        raise ViewNotRecognisedError("the two images seem to be exchanged")
    count = naming.best[1]
    if (
        count != len(LEVELS)
        and not any(changes)
        and naming.count_probability(count) >= CONSTANTS.least_count_confidence
    ):
        raise VertebraCountError(f"the images show {_IN_WORDS[count]} lumbar vertebrae; only five can be reconstructed")
    reasons = [
        _reason(guess, change)
        for guess, change in zip(guesses, changes, strict=True)
        if change is not None or is_unsure(guess.reading)
    ]
    if reasons:
        gravest = min((kind for kind, _ in reasons), key=_GRAVEST.index)
        raise gravest("; ".join(text for _, text in reasons))
    for each in inspected:
        own = each.naming
        if own.sureness < CONSTANTS.least_view_names or not each.agrees(own):
            raise LevelNamesError(
                f"which vertebra is which cannot be told from the {_title(each)} image{_instead(own)}"
            )


def refuse_doubtful_names(inspected: Sequence[Inspection], naming: Naming) -> None:
    """Stop where all films together leave the names in doubt; asked after ``refuse_contradiction``.

    Two films that are each sure and do not meet contradict each other, which is another fault than doubt.

    Raises
    ------
    LevelNamesError
        The names are not sure enough, or not those that the first film was read with.
    """
    if naming.sureness < CONSTANTS.least_names or naming.best[0] != inspected[0].naming.best[0]:
        raise LevelNamesError(f"the two images do not tell together which vertebra is which{_instead(naming)}")


def _title(inspection: Inspection) -> str:
    return VIEW_TITLE[inspection.guess.view.source.view]


def _instead(naming: Naming) -> str:
    """What the vertebra read as L1 may be instead, in words."""
    others = {"L2": naming.shifted(1), "T12": naming.shifted(-1)}
    name = max(others, key=others.__getitem__)
    return f": L1 may be {name} ({100 * others[name]:.0f} %)" if others[name] >= LEAST_SAID else ""


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
    # A fault is named only where the film without it would leave no doubt: a wrong reason sends people astray.
    return diagnose(guess.view, look, lambda reading: is_clear(reading) and reading.confidence.mean() >= enough)


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
