"""Leaps of a clock: nothing is erased for its age on the word of a clock that has just jumped ahead.

Within a process a leap is what the clock gained over the time since the machine was started, which no setting of a
clock changes and which goes on while a machine sleeps. Over a restart nobody can tell a leap from a pause: there a gap
counts that would cost a result a quarter of its time.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import FIGURES

CLOCK, SEEN, HELD_UNTIL = "clock", "seen", "held_until"
"""Rows of the figures: the database's clock at the last round, and until when nothing is erased."""
LEAP_S = 3600.0
HOLD_S = 86400.0
"""An operator who is told has so long to set the clock right."""
SLACK_S = 60.0


class Watch:
    """Compares one clock with the time that has passed.

    Parameters
    ----------
    leap_s : float
        By less may the clock get ahead between two looks.
    """

    def __init__(self, leap_s: float = LEAP_S) -> None:
        self._leap_s = leap_s
        self._last: tuple[float, float] | None = None

    def leapt(self, at_s: float) -> bool | None:
        """Whether the clock, which now says ``at_s``, has leapt ahead since the last look; None at the first."""
        passed_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        last, self._last = self._last, (at_s, passed_s)
        return None if last is None else at_s - last[0] - (passed_s - last[1]) > self._leap_s


def held_s(connection: Connection, watch: Watch, most_gap_s: float) -> float:
    """For how long nothing may be erased for its age; the look at the clock is recorded for all processes.

    Parameters
    ----------
    connection : Connection
    watch : Watch
        Of the database's clock, this process's own.
    most_gap_s : float
        Between the last look of any process and the first of this one.
    """
    at_s = connection.execute(select(now_s())).scalar_one()
    marks = _marks(connection)
    until_s, leapt = marks.get(HELD_UNTIL, 0.0), watch.leapt(at_s)
    if leapt or (leapt is None and at_s - marks.get(SEEN, at_s) > most_gap_s):
        until_s = at_s + HOLD_S
    elif until_s > at_s + HOLD_S + SLACK_S:
        until_s = 0.0  # set by a clock that has been put right since
    for label, value in ((HELD_UNTIL, until_s), (SEEN, at_s)):
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(FIGURES)
        row = insert.values(name=CLOCK, label=label, bucket="", value=value)
        keys = ["name", "label", "bucket"]
        connection.execute(row.on_conflict_do_update(index_elements=keys, set_={"value": value}))
    return max(until_s - at_s, 0.0)


def read_held_s(database: Database) -> float:
    """The same as the last round of any process has recorded it."""
    with database.read() as connection:
        at_s = connection.execute(select(now_s())).scalar_one()
        left_s = _marks(connection).get(HELD_UNTIL, 0.0) - at_s
    return max(left_s, 0.0)


def _marks(connection: Connection) -> dict[str, float]:
    rows = connection.execute(select(FIGURES.c.label, FIGURES.c.value).where(FIGURES.c.name == CLOCK))
    return {label: value for label, value in rows}
