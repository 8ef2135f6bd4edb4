"""The embedded worker looks for work more often while somebody is at work."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from lumbar3d.worker import embedded
from lumbar3d.worker.runner import AttemptOutcome
from lumbar3d.worker.settings import WorkerSettings


class Stopping(threading.Event):
    """Notes how long the worker waits, and ends it after a few waits."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.waits = clock, []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        self.clock.now_s += timeout
        if len(self.waits) == 4:
            self.set()
        return self.is_set()


class Clock:
    """Time as a test says."""

    def __init__(self) -> None:
        self.now_s = 5000.0

    def monotonic(self) -> float:
        return self.now_s


def test_after_a_job_the_worker_is_awake_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, settings = Clock(), WorkerSettings()
    stopping = Stopping(clock)
    monkeypatch.setattr(embedded, "time", clock)
    outcomes = iter([None, AttemptOutcome.SUCCEEDED, None, None, None])

    def run_next() -> Any:
        if len(stopping.waits) == 3:
            clock.now_s += embedded.AWAKE_S
        return next(outcomes)

    assert embedded._serve(SimpleNamespace(runner=SimpleNamespace(run_next=run_next)), settings, stopping) == 0
    asleep, awake = settings.poll_s, settings.poll_s * embedded.AWAKE
    assert stopping.waits == [asleep, awake, awake, asleep]
