"""Counters and histograms of the whole deployment: in the job table, because every process sees only its own part.

They are changed in the transaction that changes the job, so nothing is counted twice or forgotten; restarts keep them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import FIGURES

EVENTS, QUEUED, JOB, STAGE = "events", "queued_seconds", "job_seconds", "stage_seconds"
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 7200.0)
"""Upper bounds of the histograms in seconds."""
BUCKETS = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
SUM = "sum"

Change = tuple[str, str, str, float]
"""Name, label, bucket, and how much is added."""


@dataclass
class HistogramFigure:
    """Observations by bucket (not cumulative), and their sum in seconds."""

    counts: list[float] = field(default_factory=lambda: [0.0] * len(BUCKETS))
    sum_s: float = 0.0

    def cumulative(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: upper bound, and how many were not above it."""
        total, buckets = 0.0, []
        for bound, count in zip(BUCKETS, self.counts, strict=True):
            total += count
            buckets.append((bound, total))
        return buckets


@dataclass
class Figures:
    """All there are; the label of an event is ``event`` or ``event:code``."""

    events: dict[str, float] = field(default_factory=dict)
    histograms: dict[str, dict[str, HistogramFigure]] = field(
        default_factory=lambda: {QUEUED: {}, JOB: {}, STAGE: {}},
    )


def event(name: str, code: str | None) -> list[Change]:
    """One more of an event."""
    return [(EVENTS, f"{name}:{code}" if code else name, "", 1.0)]


def observation(name: str, label: str, seconds: float) -> list[Change]:
    """One more in a histogram; a time below zero (a clock that was set back) counts as zero."""
    seconds = max(seconds, 0.0)
    return [(name, label, BUCKETS[bisect_left(BOUNDS, seconds)], 1.0), (name, label, SUM, seconds)]


def change(connection: Connection, changes: Iterable[Change]) -> None:
    """Add to the figures, in one order everywhere, so that two transactions cannot wait for each other."""
    rows = [dict(zip(("name", "label", "bucket", "value"), row, strict=True)) for row in sorted(changes)]
    if not rows:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(FIGURES)
    upsert = insert.on_conflict_do_update(
        index_elements=["name", "label", "bucket"], set_={"value": FIGURES.c.value + insert.excluded.value}
    )
    connection.execute(upsert, rows)


def read(database: Database) -> Figures:
    """Everything counted so far; some hundred rows at most, however many jobs there were."""
    figures = Figures()
    with database.read() as connection:
        for name, label, bucket, value in connection.execute(select(FIGURES)):
            if name == EVENTS:
                figures.events[label] = value
            elif name in figures.histograms:
                _place(figures.histograms[name].setdefault(label, HistogramFigure()), bucket, value)
    return figures


def _place(histogram: HistogramFigure, bucket: str, value: float) -> None:
    if bucket == SUM:
        histogram.sum_s = value
    elif bucket in BUCKETS:
        histogram.counts[BUCKETS.index(bucket)] = value
