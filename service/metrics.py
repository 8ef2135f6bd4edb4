"""Prometheus metrics; labels are route templates and states, never ids or input."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from jobs.bundles import BundleStore
from jobs.database import Database
from jobs.errors import DatabaseUnavailableError, StorageFullError
from jobs.overview import Overview, overview
from jobs.presence import READY, count_workers


class Metrics:
    """One registry per application, so that two applications in one process do not mix."""

    def __init__(self, database: Database, store: BundleStore, fresh_s: float) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lumbar3d_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "lumbar3d_http_request_seconds", "Time to answer", ["method", "route"], registry=self.registry
        )
        self.upload_bytes = Counter("lumbar3d_upload_bytes", "Bytes of accepted bodies", registry=self.registry)
        self.sweep_errors = Counter("lumbar3d_sweep_errors", "Sweeps that failed", ["part"], registry=self.registry)
        self.registry.register(_Jobs(database, fresh_s))
        free = Gauge("lumbar3d_store_free_bytes", "Room left for uploads and results", registry=self.registry)
        free.set_function(lambda: float(store.free_bytes()))

    def render(self) -> bytes:
        """Text of ``GET /metrics``."""
        return generate_latest(self.registry)


class _Jobs:
    """Gauges read from the job table when they are asked for."""

    def __init__(self, database: Database, fresh_s: float) -> None:
        self._database = database
        self._fresh_s = fresh_s

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Names only, so that registering does not need the database."""
        yield _up(0.0)
        yield from _families(Overview({}, 0.0), {})

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Counts by state and the age of the oldest waiting job; only that it does not answer, when it does not."""
        try:
            figures, workers = overview(self._database), count_workers(self._database, self._fresh_s)
        except (DatabaseUnavailableError, StorageFullError):
            yield _up(0.0)
            return
        yield _up(1.0)
        yield from _families(figures, workers)


def _up(value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily("lumbar3d_database_up", "Whether the job table answers", value)


def _families(figures: Overview, workers: dict[str, int]) -> Iterator[GaugeMetricFamily]:
    jobs = GaugeMetricFamily("lumbar3d_jobs", "Jobs in the table", labels=["state"])
    for state, count in figures.count_by_state.items():
        jobs.add_metric([state], count)
    yield jobs
    processes = GaugeMetricFamily(
        "lumbar3d_workers", "Worker processes heard of lately: ready, or the code of what keeps them", labels=["state"]
    )
    for state, count in ({READY: 0} | workers).items():
        processes.add_metric([state], count)
    yield processes
    yield GaugeMetricFamily("lumbar3d_queue_age_seconds", "Age of the oldest queued job", figures.oldest_queued_s)
