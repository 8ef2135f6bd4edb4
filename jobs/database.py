"""One engine per process, set up so that a committed transaction survives a power cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from jobs.schema import METADATA

BUSY_TIMEOUT_S = 15.0
"""How long SQLite waits for another writer; every transaction here takes milliseconds."""
SCHEMA_LOCK = 7_302_711
"""PostgreSQL advisory lock: two services that start together must not both create the tables."""


class Database:
    """Short transactions on the job table; safe to use from several threads, not across a fork."""

    def __init__(self, url: str) -> None:
        self.engine = _sqlite(url) if url.startswith("sqlite") else _server(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at once, so that it cannot deadlock on an upgrade."""
        with self.engine.connect().execution_options(lumbar3d_write=True) as connection, connection.begin():
            yield connection

    def create_tables(self) -> None:
        """Create what is missing; several processes may do so at the same time."""
        with self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
            METADATA.create_all(connection)

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _server(url: str) -> Engine:
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=30, hide_parameters=True)


def _sqlite(url: str) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_S}, pool_size=10, max_overflow=40, hide_parameters=True
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: DBAPIConnection, _record: Any) -> None:
    """WAL with synchronous=FULL: a 202 is given only after an fsync. BEGIN is ours, not the driver's."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    is_write = connection.get_execution_options().get("lumbar3d_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
