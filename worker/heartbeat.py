"""Heartbeat: a thread that keeps the lease of the running attempt alive."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from types import TracebackType

from lumbar3d.jobs.claims import Claim, Claims
from lumbar3d.jobs.errors import DatabaseUnavailableError, LeaseLostError, StorageFullError

LOGGER = logging.getLogger(__name__)
EX_TEMPFAIL = 75
"""Exit status of a process that gave up a hanging attempt or lost its accelerator (sysexits.h)."""
EX_CONFIG = 78
"""Exit status of a process whose engine does not load (sysexits.h)."""


class Heartbeat:
    """Renews every ``interval_s``; ends the process when the attempt outlives ``limit_s``.

    A hanging computation cannot be interrupted from Python, so the process has to go; the lease then expires.
    """

    def __init__(
        self,
        claims: Claims,
        claim: Claim,
        interval_s: float,
        limit_s: float,
        abort: Callable[[int], object] = os._exit,
        on_beat: Callable[[], object] = lambda: None,
    ) -> None:
        self._claims = claims
        self._claim = claim
        self._interval_s = interval_s
        self._limit_s = limit_s
        self._abort = abort
        self._on_beat = on_beat
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=copy_context().run, args=(self._beat,), name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        started_s = time.monotonic()
        while not self._stopped.wait(self._interval_s):
            if time.monotonic() - started_s > self._limit_s:
                LOGGER.error("attempt exceeded its time limit")
                self._abort(EX_TEMPFAIL)
                return
            self._on_beat()
            try:
                self._claims.renew(self._claim)
            except LeaseLostError:
                return  # the progress callback notices too, and stops the attempt
            except (DatabaseUnavailableError, StorageFullError):
                LOGGER.warning("heartbeat missed")
