"""Progress and wall time of a running reconstruction."""

from __future__ import annotations

import time
from collections.abc import Callable

from lumbar3d.contracts import Stage

StageProgress = Callable[[Stage, float], None]

_SHARES = {
    Stage.READ: (0.0, 0.05),
    Stage.DETECT: (0.05, 0.30),
    Stage.INITIALISE: (0.30, 0.32),
    Stage.REGISTER: (0.32, 0.88),
    Stage.MEASURE: (0.88, 0.93),
    Stage.EXPORT: (0.93, 1.0),
}
"""Which part of the whole each stage is, on two cores."""


class StageClock:
    """Tells a listener where the work is, never going back, and books the time of each stage.

    Parameters
    ----------
    report : callable, optional
        Called with the stage and the overall progress, 0-1; what it raises passes through (a cancelled job).

    Attributes
    ----------
    timings_s : dict of str to float
        Wall time by stage.
    """

    def __init__(self, report: StageProgress | None = None) -> None:
        self._report = report
        self._stage: Stage | None = None
        self._since_s = 0.0
        self._reached = 0.0
        self.timings_s: dict[str, float] = {}

    def enter(self, stage: Stage) -> None:
        """End the running stage and begin another."""
        self.stop()
        self._stage, self._since_s = stage, time.perf_counter()
        self.within(0.0)

    def within(self, fraction: float) -> None:
        """Report how much of the running stage is done, 0-1."""
        if self._report is None or self._stage is None:
            return
        start, end = _SHARES[self._stage]
        self._reached = max(self._reached, start + fraction * (end - start))
        self._report(self._stage, self._reached)

    def stop(self) -> None:
        """End the running stage."""
        if self._stage is not None:
            self.timings_s[self._stage] = time.perf_counter() - self._since_s
            self._stage = None
