"""Rate and concurrency limits: what one client may take of what all share.

All of it lives on the event loop, so nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

from starlette.concurrency import run_in_threadpool

from lumbar3d.service.errors import OverloadedError, TooManyRequestsError

Answer = TypeVar("Answer")
MAX_NAMES = 10_000
"""Addresses remembered at once; the memory of a service must not grow with its enemies."""


class Slots:
    """So many at once of everybody, and so many of one client."""

    def __init__(self, total: int, per_client: int) -> None:
        self._total = total
        self._per_client = per_client
        self._held: Counter[str] = Counter()

    def check(self, client: str) -> None:
        """Whether there is one for this client.

        Raises
        ------
        OverloadedError
            Everybody together has all of them.
        TooManyRequestsError
            This client has its share.
        """
        if self._held.total() >= self._total:
            raise OverloadedError("too many uploads or event streams at this moment")
        if self._held[client] >= self._per_client:
            raise TooManyRequestsError("this client has too many uploads or event streams at this moment")

    @contextmanager
    def hold(self, client: str) -> Iterator[None]:
        """Hold one for the length of a ``with`` statement; raises as ``check``."""
        self.check(client)
        self._held[client] += 1
        try:
            yield
        finally:
            self._held[client] -= 1


class Rate:
    """Token buckets by name: so many a second on average, and a burst that is allowed."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, name: str) -> bool:
        """Whether one more is within the rate; it is counted when it is."""
        now_s = time.monotonic()
        if len(self._buckets) >= MAX_NAMES:
            self._buckets.clear()
        left, at_s = self._buckets.get(name, (self._burst, now_s))
        left = min(self._burst, left + (now_s - at_s) * self._per_s)
        self._buckets[name] = (left - 1.0 if left >= 1.0 else left, now_s)
        return left >= 1.0


class Turns:
    """Blocking work in threads, so many at once of one client: its other requests wait in its own queue.

    A queue lasts as long as somebody is in it: addresses are names too.
    """

    def __init__(self, per_client: int) -> None:
        self._per_client = per_client
        self._queues: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def take(self, client: str, work: Callable[[], Answer]) -> Answer:
        """Run ``work`` in a thread when it is this client's turn."""
        queue = self._queues.setdefault(client, asyncio.Semaphore(self._per_client))
        async with queue:
            return await run_in_threadpool(work)
