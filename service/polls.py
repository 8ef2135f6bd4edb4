"""304 to polls without a query: the ETag last told of a job, while one query for all of them says it still holds.

Every front end process watches the jobs that its clients poll. A kept ETag counts for at most ``FRESH_S`` after a
query has confirmed it, for the job's owner alone, and only where the client names the very same one: whoever knows
something newer, or nothing, is answered from the job table.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import DatabaseUnavailableError, StorageFullError
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.watch import watch

REFRESH_S = 0.2
"""Between two queries: as late may a poll with an ETag tell of a change."""
FRESH_S = 1.0
"""An ETag not confirmed for so long does not count: the database does not answer, or the machine is slow."""
UNASKED_S = 10.0
"""A job that nobody polled for so long is not watched any more."""
MOST = 4096
RETRY_AFTER_S = 2
PREFIX = "/jobs/"
PATH_LENGTH = len(PREFIX) + 36
SAID = frozenset((b"authorization", b"if-none-match"))
ClientOf: TypeAlias = Callable[[str], str | None]


@dataclass
class Told:
    """What was told of a job.

    Attributes
    ----------
    owner : str
    version, position : int, int or None
        What its ETag is made of.
    headers, raw_headers : dict of str to str, list of (bytes, bytes)
        Of the answer; the second as ASGI wants them.
    confirmed_s, asked_s : float
        On the monotonic clock: begin of the last query that found it right; last poll.
    """

    owner: str
    version: int
    position: int | None
    headers: dict[str, str]
    raw_headers: list[tuple[bytes, bytes]]
    confirmed_s: float
    asked_s: float

    @property
    def etag(self) -> str:
        """Changes with every change of the job."""
        return self.headers["ETag"]

    @classmethod
    def of(cls, job: Job, position: int | None, since_s: float) -> Told:
        """Of a job that was read after the time ``since_s`` of the monotonic clock."""
        headers = {"ETag": f'"{job.version}-{position or 0}"', "Cache-Control": "private, no-cache"}
        if not job.is_final:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return cls(job.owner, job.version, position, headers, raw, since_s, since_s)


class Polls:
    """Kept ETags of one process. All but the query lives on the event loop, so nothing needs a lock.

    Parameters
    ----------
    database : Database
    client_of : callable
        The client of an ``Authorization`` header who may follow jobs, counted in its rate; None for the long way.
    """

    def __init__(self, database: Database, client_of: ClientOf) -> None:
        self._database = database
        self._client_of = client_of
        self._told: dict[str, Told] = {}

    def keep(self, job_id: str, told: Told) -> None:
        """Remember what the job table has just said, unless something newer is known."""
        known = self._told.get(job_id)
        if (known is None and len(self._told) < MOST) or (known is not None and told.version >= known.version):
            self._told[job_id] = told

    def forget(self, job_id: str) -> None:
        """The job was changed here: its owner must see that at once."""
        self._told.pop(job_id, None)

    def find(self, scope: Scope) -> Told | None:
        """What this poll already knows and what still holds; None where the job table has to be asked."""
        path = scope["path"]
        if len(path) != PATH_LENGTH or scope["method"] != "GET" or not path.startswith(PREFIX):
            return None
        told = self._told.get(path[len(PREFIX) :])
        now_s = time.monotonic()
        if told is None or now_s - told.confirmed_s > FRESH_S:
            return None
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in SAID and headers.setdefault(name, value) is not value:
                return None  # said twice
        if headers.get(b"if-none-match", b"").decode("latin-1") != told.etag:
            return None
        if self._client_of(headers.get(b"authorization", b"").decode("latin-1")) != told.owner:
            return None
        told.asked_s = now_s
        return told

    async def run(self) -> None:
        """Confirm what is kept, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            since_s = time.monotonic()
            for job_id in [key for key, told in self._told.items() if since_s - told.asked_s > UNASKED_S]:
                del self._told[job_id]
            if self._told:
                await self._confirm(dict(self._told), since_s)

    async def _confirm(self, asked: dict[str, Told], since_s: float) -> None:
        try:
            seen = await run_in_threadpool(watch, self._database, list(asked))
        except (DatabaseUnavailableError, StorageFullError):
            return  # nothing is confirmed
        for job_id, told in asked.items():
            if self._told.get(job_id) is not told:
                continue  # told anew, or forgotten, meanwhile
            if seen.get(job_id) == (told.version, told.position):
                told.confirmed_s = since_s
            else:
                del self._told[job_id]
