"""Files follow the rows: uploads go when their job ended, artifacts when it was erased."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from jobs.bundles import BundleStore
from jobs.database import Database
from jobs.schema import JOBS
from jobs.table import UNFINISHED

ORPHAN_S = 3600.0
"""An upload or staging directory older than this belongs to a request or an attempt that died."""


def collect_orphans(database: Database, store: BundleStore) -> int:
    """Remove uploads without an unfinished job, artifacts without a job, stale staging; returns how many.

    A directory younger than ``ORPHAN_S`` is left alone: its row may be about to be written.
    """
    orphans = [f"uploads/{job_id}" for job_id in _without_row(database, store.names("uploads", ORPHAN_S), UNFINISHED)]
    orphans += [f"artifacts/{job_id}" for job_id in _without_row(database, store.names("artifacts", ORPHAN_S), None)]
    orphans += [f"staging/{name}" for name in store.names("staging", ORPHAN_S)]
    for bundle in orphans:
        store.remove(bundle)
    return len(orphans)


def _without_row(database: Database, job_ids: Iterable[str], states: tuple[str, ...] | None) -> list[str]:
    """Those ids that have no job, or none in these states."""
    known = select(JOBS.c.id) if states is None else select(JOBS.c.id).where(JOBS.c.state.in_(states))
    missing = []
    with database.read() as connection:
        for job_id in job_ids:
            if connection.execute(known.where(JOBS.c.id == job_id)).first() is None:
                missing.append(job_id)
    return missing
