"""Ledger of the bridge: films, pairs and sent objects in a SQLite file, each step committed before the next.

A film is known before the archive is told that it arrived, a job before it is waited for, an object as sent only after
the archive took it. Whoever is killed in between does the last step again, and each step may be done again: instances,
idempotency keys and the objects' unique identifiers are the same.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lumbar3d.cli.bridge.session import Session

PATIENCE_S = 30.0
"""How long one thread waits for another's commit."""
_TABLES = """
CREATE TABLE IF NOT EXISTS films (
  sop TEXT PRIMARY KEY, study TEXT NOT NULL, view TEXT, fault TEXT, received_s REAL NOT NULL, pair TEXT,
  session TEXT);
CREATE TABLE IF NOT EXISTS pairs (
  key TEXT PRIMARY KEY, study TEXT NOT NULL, ap TEXT NOT NULL, lat TEXT NOT NULL, calibration TEXT,
  state TEXT NOT NULL, job TEXT, reason TEXT, changed_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
  pair TEXT NOT NULL, sop TEXT NOT NULL, refusal TEXT, PRIMARY KEY (pair, sop));
CREATE TABLE IF NOT EXISTS refusals (
  sop TEXT PRIMARY KEY, study TEXT NOT NULL, reason TEXT NOT NULL, at_s REAL NOT NULL);
"""
MOST_REFUSALS = 100
"""Of films that did not come since; older ones make room."""
REFUSED_S = 7 * 86400.0
"""So long does a refused film stay on the worklist."""


class State(StrEnum):
    """Life of a pair: paired -> submitted -> stored or ended."""

    PAIRED = "paired"
    SUBMITTED = "submitted"
    STORED = "stored"
    ENDED = "ended"


FINISHED = (State.STORED, State.ENDED)


@dataclass(frozen=True)
class Film:
    """One instance that arrived.

    Attributes
    ----------
    sop, study : str
        Its unique identifier and that of its study.
    view : str or None
        "ap" or "lat".
    fault : str or None
        Why it can be in no pair.
    session : Session or None
        For a partner in another study; forgotten once it is in a pair or can be in none.
    """

    sop: str
    study: str
    view: str | None
    fault: str | None = None
    session: Session | None = None


@dataclass(frozen=True)
class Refusal:
    """A film that was not taken: its unique identifier, that of its study where it was read, and why."""

    sop: str
    study: str
    reason: str


@dataclass(frozen=True)
class Pair:
    """Two films that belong together.

    Attributes
    ----------
    key : str
        Idempotency key, made of the two instances.
    study, ap, lat : str
        Unique identifiers; the study is that of the AP film, where results go.
    calibration : str or None
        File name of the site's calibration as it was when they were paired; None: from their tags.
    state : str
    job : str or None
    reason : str or None
        Why there is no result, or the last trouble on the way.
    """

    key: str
    study: str
    ap: str
    lat: str
    calibration: str | None
    state: str = State.PAIRED
    job: str | None = None
    reason: str | None = None


def key_of(ap: str, lat: str) -> str:
    """Idempotency key of a pair of instances: it tells nothing of them."""
    return "bridge-" + hashlib.sha256(f"{ap}\n{lat}".encode()).hexdigest()


class Ledger:
    """The file; safe among threads, each call is a transaction of its own.

    Parameters
    ----------
    path : Path
        Made where missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)  # SQLite gives it to the files that it puts beside it
        with self._open() as connection:
            connection.executescript(_TABLES)
            if "session" not in {row["name"] for row in connection.execute("PRAGMA table_info(films)")}:
                connection.execute("ALTER TABLE films ADD COLUMN session TEXT")  # of a file that an older bridge made

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=PATIENCE_S)) as connection, connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def knows(self, sop: str) -> bool:
        """Whether this film has arrived before."""
        with self._open() as connection:
            return connection.execute("SELECT 1 FROM films WHERE sop = ?", (sop,)).fetchone() is not None

    def add(self, film: Film) -> None:
        """Record a film whose file is on disk; no change where it is known."""
        with self._open() as connection:
            session = None if film.fault or film.session is None else film.session.to_json()
            row = (film.sop, film.study, film.view, film.fault, time.time(), session)
            connection.execute("INSERT OR IGNORE INTO films VALUES (?, ?, ?, ?, ?, NULL, ?)", row)
            connection.execute("DELETE FROM refusals WHERE sop = ?", (film.sop,))

    def refuse(self, refusal: Refusal) -> bool:
        """Record a film that was not taken; whether it is the first time for this reason."""
        newest = f"SELECT sop FROM refusals ORDER BY at_s DESC LIMIT {MOST_REFUSALS}"
        with self._open() as connection:
            known = connection.execute("SELECT reason FROM refusals WHERE sop = ?", (refusal.sop,)).fetchone()
            row = (refusal.sop, refusal.study, refusal.reason, time.time())
            connection.execute("INSERT OR REPLACE INTO refusals VALUES (?, ?, ?, ?)", row)
            connection.execute(f"DELETE FROM refusals WHERE sop NOT IN ({newest})")
            return known is None or known["reason"] != refusal.reason

    def refusals(self) -> list[Refusal]:
        """Films that were not taken lately and have not come again since, the newest last."""
        with self._open() as connection:
            query = "SELECT sop, study, reason FROM refusals WHERE at_s > ? ORDER BY at_s"
            rows = connection.execute(query, (time.time() - REFUSED_S,))
            return [Refusal(*row) for row in rows]

    def unpaired(self, quiet_s: float = 0.0) -> dict[str, list[Film]]:
        """Films of no pair, by study; only of studies in which nothing has arrived for ``quiet_s``."""
        settled = "SELECT study FROM films GROUP BY study HAVING max(received_s) <= ?"
        query = (
            f"SELECT sop, study, view, fault, session FROM films WHERE pair IS NULL AND study IN ({settled}) "
            "ORDER BY study, sop"
        )
        studies: dict[str, list[Film]] = {}
        with self._open() as connection:
            for row in connection.execute(query, (time.time() - quiet_s,)):
                session = None if row["session"] is None else Session.from_json(row["session"])
                film = Film(row["sop"], row["study"], row["view"], row["fault"], session)
                studies.setdefault(film.study, []).append(film)
        return studies

    def expire(self, older_than_s: float, fault: str) -> list[str]:
        """Give up films that have waited for a partner for so long; returns their instances."""
        old = "WHERE pair IS NULL AND fault IS NULL AND received_s < ?"
        since_s = time.time() - older_than_s
        with self._open() as connection:
            found = [row["sop"] for row in connection.execute(f"SELECT sop FROM films {old}", (since_s,))]
            connection.execute(f"UPDATE films SET fault = ?, session = NULL {old}", (fault, since_s))
        return found

    def wanted(self) -> list[str]:
        """Instances whose files are still needed."""
        finished = "SELECT key FROM pairs WHERE state IN (?, ?)"
        query = f"SELECT sop FROM films WHERE fault IS NULL AND (pair IS NULL OR pair NOT IN ({finished}))"
        with self._open() as connection:
            return [row["sop"] for row in connection.execute(query, FINISHED)]

    def pair(self, pair: Pair) -> None:
        """Record a pair and take its films out of what is unpaired."""
        with self._open() as connection:
            row = (pair.key, pair.study, pair.ap, pair.lat, pair.calibration, pair.state, time.time())
            connection.execute("INSERT OR IGNORE INTO pairs VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, ?)", row)
            connection.execute(
                "UPDATE films SET pair = ?, session = NULL WHERE sop IN (?, ?)", (pair.key, pair.ap, pair.lat)
            )

    def pairs(self, *states: State) -> list[Pair]:
        """All pairs in these states, the oldest change first."""
        places = ", ".join("?" * len(states))
        columns = "key, study, ap, lat, calibration, state, job, reason"
        with self._open() as connection:
            rows = connection.execute(
                f"SELECT {columns} FROM pairs WHERE state IN ({places}) ORDER BY changed_s", states
            )
            return [Pair(*row) for row in rows]

    def move(self, pair: Pair, state: State, job: str | None = None, reason: str | None = None) -> None:
        """Give a pair its next state."""
        with self._open() as connection:
            row = (state, job, reason, time.time(), pair.key)
            connection.execute("UPDATE pairs SET state = ?, job = ?, reason = ?, changed_s = ? WHERE key = ?", row)

    def note(self, pair: Pair, reason: str) -> None:
        """Record a trouble that may pass."""
        with self._open() as connection:
            connection.execute("UPDATE pairs SET reason = ? WHERE key = ?", (reason, pair.key))

    def handled(self, pair: Pair) -> dict[str, str | None]:
        """Objects of a pair that the archive took (None) or refuses for good (why)."""
        with self._open() as connection:
            rows = connection.execute("SELECT sop, refusal FROM objects WHERE pair = ?", (pair.key,))
            return {row["sop"]: row["refusal"] for row in rows}

    def handle(self, pair: Pair, sop: str, refusal: str | None) -> None:
        """Record that the archive took an object, or why it never will."""
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", (pair.key, sop, refusal))
