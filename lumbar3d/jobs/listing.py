"""Lists of examinations, newest first, page by page; every page costs the same, however many there are.

Each filter has an index in the order of the list (``schema``), and a page begins where the one before has ended.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, literal, select, tuple_

from lumbar3d.jobs import records
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.schema import IS_EXAMINATION, JOBS, LISTED

LAST = chr(0x10FFFF)
"""Behind every text that begins alike."""
Place = tuple[str | float, ...]
"""Where a page has ended: the columns of its order."""


@dataclass(frozen=True)
class Filter:
    """Which examinations.

    Attributes
    ----------
    owner : str or None
        None: everybody's.
    reference, beginning, job_id : str or None
        The whole reference, how it begins (the list is then in the order of references, backwards), one job.
    state, review_state : str or None
    """

    owner: str | None
    reference: str | None = None
    beginning: str | None = None
    job_id: str | None = None
    state: str | None = None
    review_state: str | None = None


def page(database: Database, wanted: Filter, after: Place | None, limit: int) -> tuple[list[Job], Place | None]:
    """The next examinations behind a place of the list, and where they end; None where there are no more."""
    with database.read() as connection:
        jobs = [records.from_row(row) for row in connection.execute(query(wanted, after, limit + 1))]
    if len(jobs) <= limit:
        return jobs, None
    return jobs[:limit], tuple(getattr(jobs[limit - 1], column.name) for column in _order(wanted))


def query(wanted: Filter, after: Place | None, limit: int) -> Select[tuple[object, ...]]:
    """The statement of one page."""
    order = _order(wanted)
    found = select(*records.COLUMNS).where(IS_EXAMINATION, *_conditions(wanted))
    if after is not None:
        found = found.where(tuple_(*order) < tuple_(*(literal(value) for value in after)))
    return found.order_by(*(column.desc() for column in order)).limit(limit)


def _order(wanted: Filter) -> tuple[ColumnElement[object], ...]:
    return LISTED if wanted.beginning is None else (JOBS.c.reference, *LISTED)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    equal = {
        JOBS.c.owner: wanted.owner,
        JOBS.c.reference: wanted.reference,
        JOBS.c.id: wanted.job_id,
        JOBS.c.state: wanted.state,
        JOBS.c.review_state: wanted.review_state,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    if wanted.beginning is not None:
        conditions += [JOBS.c.reference >= wanted.beginning, JOBS.c.reference < wanted.beginning + LAST]
    return conditions


def told(place: Place) -> str:
    """A place as text for a client."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read(text: str, wanted: Filter) -> Place:
    """A place from what ``told`` gave for the same filter.

    Raises
    ------
    ValueError
        It is none.
    """
    place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    kinds = (int | float, int | float, str) if wanted.beginning is None else (str, int | float, int | float, str)
    fits = isinstance(place, list) and len(place) == len(kinds)
    if not fits or not all(isinstance(value, kind) for value, kind in zip(place, kinds, strict=True)):
        raise ValueError("not a place of this list")
    return tuple(place)
