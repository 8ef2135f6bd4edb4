"""AP and lateral pairs of a study, and reasons why other films are in none: nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence

from lumbar3d.cli.bridge.ledger import Film
from lumbar3d.contracts import VIEW_TITLE, VIEWS


def pair_of(films: Sequence[Film]) -> tuple[str, str] | None:
    """AP and lateral instance, where a study has exactly one usable film of each that no pair has yet."""
    ap, lat = (_of(films, view) for view in VIEWS)
    return (ap[0], lat[0]) if len(ap) == len(lat) == 1 else None


def why_not(film: Film, films: Sequence[Film]) -> str:
    """Why a film is in no pair.

    Parameters
    ----------
    film : Film
    films : sequence of Film
        All of its study that are in no pair, itself too.
    """
    if film.fault is not None:
        return film.fault
    counts = {view: len(_of(films, view)) for view in VIEWS}
    lacking = [VIEW_TITLE[view] for view in VIEWS if not counts[view]]
    if lacking:
        return f"the study has no {' and no '.join(lacking)} film that is free"
    if all(count == 1 for count in counts.values()):
        return "waiting for the study to be complete"
    several = " and ".join(f"{count} {VIEW_TITLE[view]}" for view, count in counts.items())
    return f"which belong together is not certain: {several} films"


def _of(films: Sequence[Film], view: str) -> list[str]:
    return [film.sop for film in films if film.view == view and film.fault is None]
