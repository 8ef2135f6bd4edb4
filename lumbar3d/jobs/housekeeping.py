"""Housekeeping of files by the rows: uploads go when their job ended, artifacts when it was erased."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from lumbar3d.contracts import JobState
from lumbar3d.jobs.bundles import STAGING_S, BundleStore
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import JOBS

ORPHAN_S = 300.0
"""A bundle of no job that is older than this belongs to a request or an attempt that died.

A front end gives no 202 when half of this has passed between the start of publishing and the row.
"""

BATCH = 200


class _Row(NamedTuple):
    state: str
    result_bundle: str | None


def collect_orphans(database: Database, store: BundleStore) -> int:
    """Remove uploads without an unfinished job, artifacts that no job points to, stale staging; returns how many.

    A directory younger than ``ORPHAN_S`` is left alone: its row may be about to be written.
    """
    orphans = [*_orphans(database, store, "uploads"), *_orphans(database, store, "artifacts")]
    removed = sum([store.remove(bundle) for bundle in orphans])
    return removed + store.remove_old_staging(STAGING_S)


def _orphans(database: Database, store: BundleStore, tree: str) -> list[str]:
    """Old bundles that nothing needs: of no job; uploads of an ended one; attempts at it that are not its result."""
    old = sorted(name for name, age_s in store.ages(tree).items() if age_s > ORPHAN_S)
    orphans = []
    for start in range(0, len(old), BATCH):
        names = old[start : start + BATCH]
        rows = _rows(database, {_job_id(name) for name in names})
        for bundle, row in ((f"{tree}/{name}", rows.get(_job_id(name))) for name in names):
            if row is None or (JobState(row.state).is_final and bundle != row.result_bundle):
                orphans.append(bundle)
    return orphans


def _rows(database: Database, job_ids: set[str]) -> dict[str, _Row]:
    columns = select(JOBS.c.id, JOBS.c.state, JOBS.c.result_bundle).where(JOBS.c.id.in_(job_ids))
    with database.read() as connection:
        return {row.id: _Row(row.state, row.result_bundle) for row in connection.execute(columns)}


def _job_id(name: str) -> str:
    return name.partition("/")[0]
