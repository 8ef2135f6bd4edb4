"""AP and lateral pairs of a study or a session, and reasons why other films are in none: nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lumbar3d.cli.bridge.ledger import Film
from lumbar3d.contracts import VIEW_TITLE, VIEWS, ViewName


def pair_of(films: Sequence[Film]) -> tuple[str, str] | None:
    """AP and lateral instance, where a study has exactly one usable film of each that no pair has yet."""
    ap, lat = (_of(films, view) for view in VIEWS)
    return (ap[0], lat[0]) if len(ap) == len(lat) == 1 else None


def pairs_of_sessions(studies: Mapping[str, Sequence[Film]]) -> list[tuple[Film, Film]]:
    """AP and lateral film of different studies that are the only partners of each other in one session.

    Parameters
    ----------
    studies : mapping of study to its films that are in no pair
        All of them: a study that is not complete may hold another partner.
    """
    waiting = _waiting(studies)
    pairs = []
    for film in waiting:
        found = partners(film, waiting)
        if film.view == VIEWS[0] and len(found) == 1 and partners(found[0], waiting) == [film]:
            pairs.append((film, found[0]))
    return pairs


def partners(film: Film, waiting: Sequence[Film]) -> list[Film]:
    """Films of the other view and of another study that were taken in this film's session."""
    session = film.session
    if session is None:
        return []
    return [
        other
        for other in waiting
        if other.view != film.view and other.session is not None and other.session.is_that_of(session)
    ]


def _waiting(studies: Mapping[str, Sequence[Film]]) -> list[Film]:
    """Usable films of studies that lack the other view: where both are there, the study says what belongs together."""
    lacking = [films for films in studies.values() if sum(bool(_of(films, view)) for view in VIEWS) == 1]
    return [film for films in lacking for film in films if film.fault is None]


def why_not(film: Film, studies: Mapping[str, Sequence[Film]]) -> str:
    """Why a film is in no pair.

    Parameters
    ----------
    film : Film
    studies : mapping of study to its films that are in no pair
        With that of the film.
    """
    if film.fault is not None:
        return film.fault
    films = studies[film.study]
    counts = {view: len(_of(films, view)) for view in VIEWS}
    lacking = [VIEW_TITLE[view] for view in VIEWS if not counts[view]]
    if lacking:
        return _why_not_in_session(film, studies) or f"the study has no {' and no '.join(lacking)} film that is free"
    if all(count == 1 for count in counts.values()):
        return "waiting for the study to be complete"
    return f"which belong together is not certain: {_counted(counts)} films"


def _why_not_in_session(film: Film, studies: Mapping[str, Sequence[Film]]) -> str | None:
    """Of a film whose partner would be in another study; None where there is none."""
    waiting = _waiting(studies)
    found = partners(film, waiting)
    if not found:
        return None
    group = {each.sop: each for partner in found for each in (partner, *partners(partner, waiting))}
    counts = {view: len(_of([*group.values()], view)) for view in VIEWS}
    if all(count == 1 for count in counts.values()):
        return "waiting for both studies of the session to be complete"
    return f"which belong together is not certain: {_counted(counts)} films of one session, in several studies"


def _counted(counts: Mapping[ViewName, int]) -> str:
    return " and ".join(f"{count} {VIEW_TITLE[view]}" for view, count in counts.items())


def _of(films: Sequence[Film], view: str) -> list[str]:
    return [film.sop for film in films if film.view == view and film.fault is None]
