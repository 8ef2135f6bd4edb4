"""Database engine, one per process, set up so that a committed transaction survives a power cut.

Nobody waits for long.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection

from lumbar3d.jobs import migration, postgresql
from lumbar3d.jobs.errors import DatabaseUnavailableError
from lumbar3d.jobs.faults import PAUSE_S, TABLE_SILENT, Breaker, typed_faults
from lumbar3d.jobs.schema import JOBS

WAIT_S = 2.0
"""How long one statement, a lock, or a place in the pool may take; every transaction here takes milliseconds."""
START_S = 20.0
"""How long a process that starts waits for the database."""


class Database:
    """Short transactions on the job table; safe to use from several threads, not across a fork.

    Every transaction raises ``DatabaseUnavailableError`` when the database does not answer, and ``StorageFullError``
    when it has no room. After either, whether a COMMIT took place is not known: the table has to be asked.
    """

    def __init__(self, url: str) -> None:
        self.engine = _sqlite(url) if url.startswith("sqlite") else _server(url)
        self._breaker = Breaker(DatabaseUnavailableError, TABLE_SILENT)
        self._is_closed = False
        event.listen(self.engine, "checkin", self._given_back)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with typed_faults(self._breaker), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at once, so that it cannot deadlock on an upgrade."""
        with (
            typed_faults(self._breaker),
            self.engine.connect().execution_options(lumbar3d_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def check(self) -> None:
        """Read what every request reads; raises where that does not work, an old table's missing column included."""
        with self.read() as connection:
            connection.execute(select(JOBS).limit(1)).all()

    def create_tables(self) -> None:
        """Create the tables of an empty database; several processes may do so at the same time.

        Raises
        ------
        DatabaseUnavailableError
            It did not answer for ``START_S``: processes of a deployment start in any order.
        SchemaVersionError
            The tables are of another version than this program.
        """
        deadline_s = time.monotonic() + START_S
        while True:
            try:
                with self.write() as connection:
                    return migration.require(connection)
            except DatabaseUnavailableError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(PAUSE_S)

    def schema_version(self) -> str | None:
        """Version of the tables, None where there are none."""
        with self.read() as connection:
            return migration.version(connection)

    def close(self) -> None:
        """Close every connection, also those that another thread is still using, when it gives them back."""
        self._is_closed = True
        self.engine.dispose()

    def _given_back(self, connection: DBAPIConnection | None, _record: Any) -> None:
        if self._is_closed and connection is not None:
            connection.close()


def upgrade(url: str) -> str | None:
    """Bring the tables to the version of this program, however long that takes; returns the version they had.

    Raises
    ------
    DatabaseUnavailableError, StorageFullError
        Nothing was changed.
    SchemaVersionError
        The tables are newer.
    """
    engine = _sqlite(url) if url.startswith("sqlite") else create_engine(url, hide_parameters=True)
    try:
        with (
            typed_faults(Breaker(DatabaseUnavailableError, TABLE_SILENT)),
            engine.connect().execution_options(lumbar3d_write=True) as connection,
            connection.begin(),
        ):
            return migration.upgrade(connection)
    finally:
        engine.dispose()


def _server(url: str) -> Engine:
    engine = create_engine(
        url,
        connect_args={"connect_timeout": int(WAIT_S)},
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=30,
        pool_timeout=WAIT_S,
        hide_parameters=True,
    )
    if engine.dialect.driver == "psycopg":
        postgresql.bound_waiting(engine, WAIT_S)
    return engine


def _sqlite(url: str) -> Engine:
    _keep_private(make_url(url).database)
    engine = create_engine(
        url,
        connect_args={"timeout": WAIT_S},
        pool_size=10,
        max_overflow=40,
        pool_timeout=WAIT_S,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _keep_private(path: str | None) -> None:
    """Only the owner reads the file; SQLite gives its mode to the files that it puts beside it."""
    if path is not None:
        with contextlib.suppress(OSError):  # a missing folder, or another owner's file: connecting says it
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            Path(path).chmod(0o600)


def _set_pragmas(connection: DBAPIConnection, _record: Any) -> None:
    """WAL with synchronous=FULL: a 202 is given only after an fsync. What is erased is overwritten. BEGIN is ours."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    is_write = connection.get_execution_options().get("lumbar3d_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
