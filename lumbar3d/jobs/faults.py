"""Faults of the database as typed errors, told at once while it is known to be down."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from lumbar3d.jobs.errors import DatabaseUnavailableError, JobsError, StorageFullError

TABLE_SILENT = "the job table does not answer at this moment"
PAUSE_S = 1.0
"""Between two tries of a server that did not answer."""
SLOW_S = 0.5
"""A fault that came faster holds no thread: a broken connection, a refusal."""
OURS = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)
"""Mistakes in what we asked, not faults of the database."""
DISK_FULL = "53100"
"""SQLSTATE disk_full."""


class Breaker:
    """While a server hangs, one caller a second tries it; the others are told at once and hold no thread.

    Parameters
    ----------
    unavailable, message
        What they are told.
    """

    def __init__(self, unavailable: type[JobsError], message: str) -> None:
        self._unavailable = unavailable
        self._message = message
        self._lock = threading.Lock()
        self._retry_s: float | None = None

    def enter(self) -> None:
        """Pass, or be refused.

        Raises
        ------
        JobsError
            It has just not answered, and it is not yet time to try again.
        """
        with self._lock:
            now_s = time.monotonic()
            if self._retry_s is None:
                return
            if now_s < self._retry_s:
                raise self._unavailable(self._message)
            self._retry_s = now_s + PAUSE_S

    def tell(self, is_working: bool) -> None:
        """Report whether the database answered a caller."""
        with self._lock:
            self._retry_s = None if is_working else time.monotonic() + PAUSE_S


@contextmanager
def typed_faults(breaker: Breaker) -> Iterator[None]:
    """Turn the database's own faults into ours; mistakes in a query pass through as they are."""
    breaker.enter()
    started_s = time.monotonic()
    try:
        yield
    except OURS:
        breaker.tell(is_working=True)
        raise
    except (exc.DBAPIError, exc.TimeoutError) as error:
        if _is_full(error):
            raise StorageFullError("no room left for the job table") from error
        breaker.tell(is_working=_is_busy(error) or time.monotonic() - started_s < SLOW_S)
        raise DatabaseUnavailableError(TABLE_SILENT) from error
    except Exception:
        breaker.tell(is_working=True)  # an error of the caller inside a transaction that worked
        raise
    breaker.tell(is_working=True)


def _is_full(error: exc.SQLAlchemyError) -> bool:
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return getattr(cause, "sqlstate", None) == DISK_FULL


def _is_busy(error: exc.SQLAlchemyError) -> bool:
    """Another writer has SQLite: readers go on, so nobody else is refused."""
    return getattr(getattr(error, "orig", None), "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
