"""304 to polls without a query: the ETag last told of a job, while one query for all of them says it still holds.

Every front end process watches the jobs that its clients poll. A kept ETag counts for at most ``FRESH_S`` after a
query has confirmed it, for the job's owner alone, and only where the client names the very same one: whoever knows
something newer, or nothing, is answered from the job table. The protocol (``connections``) asks here before it makes
a request of what it has parsed, so that a poll costs no task, no middleware and no log line.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from anyio import CapacityLimiter, to_thread

from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import DatabaseUnavailableError, StorageFullError
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.watch import watch
from lumbar3d.service.access import FOLLOWED_JOB
from lumbar3d.service.metrics import Metrics
from lumbar3d.service.middleware import RAW_SECURITY_HEADERS, request_id_of

LOGGER = logging.getLogger(__name__)
REFRESH_S = 0.2
"""Between two queries: as late may a poll with an ETag tell of a change."""
QUICK = 0.25
"""Of that, where the table answers at once: whoever corrects a landmark waits for what this tells."""
SLOW_S = 0.01
"""A query that takes as long is not asked more often than every ``REFRESH_S``."""
FRESH_S = 3.0
"""An ETag not confirmed for so long does not count: the database does not answer, or the machine is slow."""
SETTLE_S = 2.0
"""A poll waits so long for the next query for all before it asks by itself: on a machine that is behind, a thousand
polls that all ask would keep it there."""
UNASKED_S = 10.0
"""A job that nobody polled for so long is not watched any more."""
MOST = 4096
RETRY_AFTER_S = 2
PREFIX = b"/jobs/"
PATH_LENGTH = len(PREFIX) + 36
SAID = frozenset((b"authorization", b"if-none-match", b"x-request-id", b"connection"))
WITH_MORE = frozenset((b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"if-match"))
"""Headers of requests that are more than a poll."""
NOT_MODIFIED = 304
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
ClientOf: TypeAlias = Callable[[str], str | None]


@dataclass
class Told:
    """What was told of a job.

    Attributes
    ----------
    owner : str
    version, position : int, int or None
        What its ETag is made of.
    headers : dict of str to str
        Of the answer.
    block : bytes
        The same and the security headers, as lines of HTTP.
    confirmed_s, asked_s : float
        On the monotonic clock: begin of the last query that found it right; last poll.
    """

    owner: str
    version: int
    position: int | None
    headers: dict[str, str]
    block: bytes
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
        lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        block = b"".join(b"%b: %b\r\n" % line for line in lines + RAW_SECURITY_HEADERS)
        return cls(job.owner, job.version, position, headers, block, since_s, since_s)


class Polls:
    """Kept ETags of one process. All but the query lives on the event loop, so nothing needs a lock.

    Parameters
    ----------
    database : Database
    client_of : callable
        The client of an ``Authorization`` header who may follow jobs, counted in its rate; None for the long way.
    metrics : Metrics
    """

    def __init__(self, database: Database, client_of: ClientOf, metrics: Metrics) -> None:
        self._database = database
        self._client_of = client_of
        self._count = metrics.requests.labels("GET", FOLLOWED_JOB, NOT_MODIFIED)
        self._latency = metrics.latency.labels("GET", FOLLOWED_JOB)
        self._told: dict[str, Told] = {}
        self._thread: CapacityLimiter | None = None
        self._next = asyncio.Event()

    def keep(self, job_id: str, told: Told) -> None:
        """Remember what the job table has just said, unless something newer is known."""
        known = self._told.get(job_id)
        if (known is None and len(self._told) < MOST) or (known is not None and told.version >= known.version):
            self._told[job_id] = told

    def forget(self, job_id: str) -> None:
        """The job was changed here: its owner must see that at once."""
        self._told.pop(job_id, None)

    def answer(self, method: bytes, url: bytes, headers: Headers) -> bytes | None:
        """Header lines of the 304 to this poll, complete; None where the application has to answer."""
        if len(url) != PATH_LENGTH or method != b"GET":
            return None
        started_s = time.perf_counter()
        said: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in WITH_MORE or (name in SAID and said.setdefault(name, value) is not value):
                return None
        if said.get(b"connection", b"keep-alive").lower() != b"keep-alive" or (told := self._find(url, said)) is None:
            return None
        request_id = request_id_of(said.get(b"x-request-id", b"").decode("latin-1"))
        self._count.inc()
        self._latency.observe(time.perf_counter() - started_s)
        return b"%bx-request-id: %b\r\n\r\n" % (told.block, request_id.encode())

    def _find(self, url: bytes, said: dict[bytes, bytes]) -> Told | None:
        """What this poll already knows and what still holds."""
        etag = said.get(b"if-none-match", b"").decode("latin-1")
        told = self.holding(url[len(PREFIX) :].decode("latin-1"), etag) if url.startswith(PREFIX) else None
        if told is None or self._client_of(said.get(b"authorization", b"").decode("latin-1")) != told.owner:
            return None
        return told

    def holding(self, job_id: str, etag: str) -> Told | None:
        """What is kept of a job, where it has this ETag and still holds; the caller knows who asks."""
        told = self._told.get(job_id)
        now_s = time.monotonic()
        if told is None or told.etag != etag or now_s - told.confirmed_s > FRESH_S:
            return None
        told.asked_s = now_s
        return told

    async def is_unchanged(self, job_id: str, etag: str, client: str) -> Told | None:
        """What is kept of this client's job, where it has this ETag and holds, if need be after the next query."""
        since_s, told = time.monotonic(), self._told.get(job_id)
        if told is None or told.owner != client or told.etag != etag:
            return None
        if self.holding(job_id, etag) is None:
            told.asked_s = since_s
            await self.next_query(SETTLE_S)
            if self._told.get(job_id) is not told or told.confirmed_s < since_s:
                return None
        return told

    async def next_query(self, at_most_s: float) -> None:
        """Wait until the next query for all is over, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._next.wait()

    async def run(self) -> None:
        """Confirm what is kept, until cancelled; in a thread of its own, which waits for no request's."""
        self._thread = CapacityLimiter(1)
        took_s = 0.0
        while True:
            await asyncio.sleep(REFRESH_S * min(max(took_s / SLOW_S, QUICK), 1.0))
            since_s = time.monotonic()
            for job_id in [key for key, told in self._told.items() if since_s - told.asked_s > UNASKED_S]:
                del self._told[job_id]
            over, self._next = self._next, asyncio.Event()
            if self._told:
                await self._confirm(dict(self._told), since_s)
            over.set()
            took_s = time.monotonic() - since_s

    async def _confirm(self, asked: dict[str, Told], since_s: float) -> None:
        try:
            seen = await to_thread.run_sync(watch, self._database, list(asked), limiter=self._thread)
        except (DatabaseUnavailableError, StorageFullError):
            return  # nothing is confirmed
        except Exception:
            LOGGER.error("kept answers cannot be confirmed", exc_info=True)
            return
        for job_id, told in asked.items():
            if self._told.get(job_id) is not told:
                continue  # told anew, or forgotten, meanwhile
            if seen.get(job_id) == (told.version, told.position):
                told.confirmed_s = since_s
            else:
                del self._told[job_id]
