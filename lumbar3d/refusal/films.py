"""Films without the five levels, and the refusal that is raised for them."""

from __future__ import annotations

from collections.abc import Sequence

from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import VIEW_TITLE
from lumbar3d.detection.decode import LevelReading
from lumbar3d.detection.first_pass import FirstPass
from lumbar3d.detection.inspection import Inspection
from lumbar3d.errors import LevelsNotFoundError, RejectedError, SpineTruncatedError, ViewNotRecognisedError
from lumbar3d.refusal.constants import CONSTANTS
from lumbar3d.refusal.film_faults import Change, FirstNetwork, diagnose
from lumbar3d.refusal.names import refuse_unnamed
from lumbar3d.refusal.truncation import is_beyond_film

_GRAVEST: tuple[type[RejectedError], ...] = (ViewNotRecognisedError, SpineTruncatedError, LevelsNotFoundError)


def refuse_faulty(inspected: Sequence[Inspection], look: FirstNetwork) -> None:
    """Stop where a film is not what it is said to be.

    Parameters
    ----------
    inspected : two of Inspection, or one
        AP and LAT, each as it was read by itself.
    look : callable
        The first network, for saying what is wrong.

    Raises
    ------
    ViewNotRecognisedError
        A film is turned, mirrored, inverted or of the other view.
    """
    guesses = [each.guess for each in inspected]
    changes = [_better_reading(guess, look) for guess in guesses]
    if len(changes) > 1 and all(change is not None and change.other_view for change in changes):
        raise ViewNotRecognisedError("the two images seem to be exchanged")
    if any(changes):
        _refuse(guesses, changes)


def refuse_truncated(inspected: Sequence[Inspection]) -> None:
    """Stop where a film ends before a level: asked of each by itself, the other film must not fill it in.

    Raises
    ------
    SpineTruncatedError
        It does.
    """
    guesses = [each.guess for each in inspected]
    reasons = [_reason(guess, None) for guess in guesses if is_unsure(guess.reading)]
    if any(kind is SpineTruncatedError for kind, _ in reasons):
        raise _gravest(reasons)


def refuse_unfound(inspected: Sequence[Inspection]) -> None:
    """Stop where a view does not show the lumbar vertebrae completely, or not which they are.

    Parameters
    ----------
    inspected : two of Inspection, or one

    Raises
    ------
    ViewNotRecognisedError
        A film shows no lumbar spine.
    SpineTruncatedError
        A film ends before the first or the last of them.
    LevelsNotFoundError
        Some level is missing for another reason.
    LevelNamesError
        All are there, but the looks at one film do not agree which of the spine's they are.
    """
    guesses = [each.guess for each in inspected]
    _refuse(guesses, [None] * len(guesses))
    refuse_unnamed(inspected)


def _refuse(guesses: Sequence[FirstPass], changes: Sequence[Change | None]) -> None:
    """Stop where a view's levels were not found, with the gravest reason and what is wrong with each view."""
    reasons = [
        _reason(guess, change)
        for guess, change in zip(guesses, changes, strict=True)
        if change is not None or is_unsure(guess.reading)
    ]
    if reasons:
        raise _gravest(reasons)


def _gravest(reasons: Sequence[tuple[type[RejectedError], str]]) -> RejectedError:
    """The refusal of the gravest kind, with the words for every view."""
    kind = min((kind for kind, _ in reasons), key=_GRAVEST.index)
    return kind("; ".join(text for _, text in reasons))


def is_unsure(reading: LevelReading) -> bool:
    """Whether not all levels were found."""
    least = CONSTANTS.least_confidence, CONSTANTS.least_mean_confidence
    return not _reaches(reading, *least)


def is_clear(reading: LevelReading) -> bool:
    """Whether all levels were found as in true films."""
    return _reaches(reading, CONSTANTS.clear_confidence, CONSTANTS.clear_mean_confidence)


def _reaches(reading: LevelReading, least: float, least_mean: float) -> bool:
    return bool(reading.confidence.min() >= least and reading.confidence.mean() >= least_mean)


def _better_reading(guess: FirstPass, look: FirstNetwork) -> Change | None:
    """The change of a film that is not clear after which it is, and is read with clearly more confidence."""
    if is_clear(guess.reading):
        return None
    enough = float(guess.reading.confidence.mean()) + CONSTANTS.better_by
    # A fault is named only where the film without it would leave no doubt: a wrong reason sends people astray.
    return diagnose(guess.view, look, lambda reading: is_clear(reading) and reading.confidence.mean() >= enough)


def _reason(guess: FirstPass, change: Change | None) -> tuple[type[RejectedError], str]:
    """Kind and words for one view in which the levels were not found."""
    view, levels = guess.view.source.view, LEVELS[: len(guess.reading.confidence)]
    image = f"the {VIEW_TITLE[view]} image"
    if change is not None:
        turned = change.mirrored or change.quarter_turns
        else_told = ", or its calibration tells it the other way round" if turned else ""
        return ViewNotRecognisedError, f"{image} seems to be {change.words(view)}{else_told}"
    sure = tuple(
        level
        for level, height in zip(levels, guess.reading.confidence, strict=True)
        if height >= CONSTANTS.least_confidence
    )
    if len(sure) < 2:
        return ViewNotRecognisedError, f"no lumbar spine was found in {image}; it must show L1 to L5, upright"
    missing = [level for level in levels if level not in sure]
    if missing and all(is_beyond_film(level, sure, guess.reading, guess.view.film) for level in missing):
        return SpineTruncatedError, f"{image} ends before {' and '.join(missing)}"
    named = ", ".join(missing) or f"L1 to {levels[-1]} with enough confidence"
    return LevelsNotFoundError, f"{named} not found in {image}"
