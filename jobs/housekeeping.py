"""Files follow the rows: uploads go when their job ended, artifacts when it was erased."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from jobs.bundles import BundleStore
from jobs.database import Database
from jobs.schema import JOBS
from jobs.table import UNFINISHED
from lumbar3d.contracts import JobState

ORPHAN_S = 3600.0
"""An upload or staging directory older than this belongs to a request or an attempt that died."""


def collect_orphans(database: Database, store: BundleStore) -> int:
    """Remove uploads without an unfinished job, artifacts that no job points to, stale staging; returns how many.

    A directory younger than ``ORPHAN_S`` is left alone: its row may be about to be written.
    """
    orphans = [f"uploads/{job_id}" for job_id in _without_row(database, store.names("uploads", ORPHAN_S), UNFINISHED)]
    orphans += _lost_attempts(database, store)
    orphans += [f"artifacts/{job_id}" for job_id in _without_row(database, store.names("artifacts", ORPHAN_S), None)]
    orphans += [f"staging/{name}" for name in store.names("staging", ORPHAN_S)]
    for bundle in orphans:
        store.remove(bundle)
    return len(orphans)


def _without_row(database: Database, job_ids: Iterable[str], states: tuple[str, ...] | None) -> list[str]:
    """Those ids that have no job, or none in these states."""
    known = select(JOBS.c.id) if states is None else select(JOBS.c.id).where(JOBS.c.state.in_(states))
    with database.read() as connection:
        return [each for each in job_ids if connection.execute(known.where(JOBS.c.id == each)).first() is None]


def _lost_attempts(database: Database, store: BundleStore) -> list[str]:
    """Bundles of attempts whose result did not count: their worker published and could not learn the end in time."""
    lost = []
    for job_id in store.names("artifacts", 0.0):
        bundles = [f"artifacts/{job_id}/{name}" for name in store.names(f"artifacts/{job_id}", ORPHAN_S)]
        with database.read() as connection:
            columns = select(JOBS.c.state, JOBS.c.result_bundle).where(JOBS.c.id == job_id)
            row = connection.execute(columns).one_or_none()
        if row is not None and JobState(row.state).is_final:
            lost += [bundle for bundle in bundles if bundle != row.result_bundle]
    return lost
