"""Worklist of the bridge: what is on its way, and what could not be paired or answered, with reasons."""

from __future__ import annotations

from pydantic import BaseModel

from lumbar3d.cli.bridge.ledger import Ledger, State
from lumbar3d.cli.bridge.pairing import why_not


class Entry(BaseModel):
    """One film or pair that somebody may want to look after."""

    state: str
    study: str
    instances: tuple[str, ...]
    job: str | None = None
    reason: str | None = None


class Worklist(BaseModel):
    """How many pairs are in which state, and what is not simply done."""

    pairs: dict[str, int]
    entries: tuple[Entry, ...]


def worklist(ledger: Ledger) -> Worklist:
    """Of a bridge that may be running or not."""
    pairs = {state: ledger.pairs(state) for state in State}
    studies = ledger.unpaired()
    unpaired = [
        Entry(state="unpaired", study=study, instances=(film.sop,), reason=why_not(film, studies))
        for study, films in studies.items()
        for film in films
    ]
    others = [
        Entry(state=pair.state, study=pair.study, instances=(pair.ap, pair.lat), job=pair.job, reason=pair.reason)
        for state in State
        for pair in pairs[state]
        if state != State.STORED or pair.reason
    ]
    refused = [
        Entry(state="refused", study=film.study or "(not read)", instances=(film.sop,), reason=film.reason)
        for film in ledger.refusals()
    ]
    counts = {state.value: len(found) for state, found in pairs.items()}
    return Worklist(pairs=counts, entries=(*unpaired, *others, *refused))
