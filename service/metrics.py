"""Prometheus metrics; labels are route templates and states, never ids or input."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from lumbar3d import __version__
from lumbar3d.jobs import figures, leaps
from lumbar3d.jobs.bundles import BundleStore
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import DatabaseUnavailableError, StorageFullError
from lumbar3d.jobs.overview import Overview, overview
from lumbar3d.jobs.presence import READY, count_workers


class Metrics:
    """One registry per application, so that two applications in one process do not mix."""

    def __init__(self, database: Database, store: BundleStore, fresh_s: float) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
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
        self.problems = Counter(
            "lumbar3d_problems", "Problem documents answered, by their code", ["code"], registry=self.registry
        )
        self.uploads = Gauge("lumbar3d_uploads", "Bodies being received at this moment", registry=self.registry)
        build = Gauge("lumbar3d_build_info", "Always 1", ["version"], registry=self.registry)
        build.labels(__version__).set(1.0)

    def render(self) -> bytes:
        """Text of ``GET /metrics``."""
        return generate_latest(self.registry)


class _Jobs:
    """Gauges read from the job table when they are asked for."""

    def __init__(self, database: Database, fresh_s: float) -> None:
        self._database = database
        self._fresh_s = fresh_s

    def describe(self) -> Iterator[Metric]:
        """Names only, so that registering does not need the database."""
        yield _up(0.0)
        yield from _families(Overview({}, 0.0), {})
        yield _held(0.0)
        yield from _totals(figures.Figures())

    def collect(self) -> Iterator[Metric]:
        """Counts by state and the age of the oldest waiting job; only that it does not answer, when it does not."""
        try:
            now, workers = overview(self._database), count_workers(self._database, self._fresh_s)
            totals, held_s = figures.read(self._database), leaps.read_held_s(self._database)
        except (DatabaseUnavailableError, StorageFullError):
            yield _up(0.0)
            return
        yield _up(1.0)
        yield from _families(now, workers)
        yield _held(held_s)
        yield from _totals(totals)


def _up(value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily("lumbar3d_database_up", "Whether the job table answers", value)


def _held(value: float) -> GaugeMetricFamily:
    text = "Until results are erased for their age again: the clock leapt ahead; 0 where it did not"
    return GaugeMetricFamily("lumbar3d_retention_held_seconds", text, value)


def _families(now: Overview, workers: dict[str, int]) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("lumbar3d_jobs", "Jobs in the table", labels=["state"])
    for state, count in now.count_by_state.items():
        jobs.add_metric([state], count)
    yield jobs
    processes = GaugeMetricFamily(
        "lumbar3d_workers", "Worker processes heard of lately: ready, or the code of what keeps them", labels=["state"]
    )
    for state, count in ({READY: 0} | workers).items():
        processes.add_metric([state], count)
    yield processes
    yield GaugeMetricFamily("lumbar3d_queue_age_seconds", "Age of the oldest queued job", now.oldest_queued_s)


HISTOGRAMS = {
    figures.QUEUED: ("lumbar3d_job_wait_seconds", "From the submission to the first attempt", None),
    figures.JOB: ("lumbar3d_job_seconds", "From the submission to the end, by its state", "outcome"),
    figures.STAGE: ("lumbar3d_job_stage_seconds", "Time of each stage of jobs that succeeded", "stage"),
}


def _totals(totals: figures.Figures) -> Iterator[Metric]:
    """Counted over the whole deployment: every front end gives the same, so ``max`` and not ``sum`` over them."""
    events = CounterMetricFamily(
        "lumbar3d_job_events", "What happened to jobs; code says why", labels=["event", "code"]
    )
    for label, count in sorted(totals.events.items()):
        events.add_metric(list(label.partition(":")[::2]), count)
    yield events
    for name, (metric, text, label_name) in HISTOGRAMS.items():
        family = HistogramMetricFamily(metric, text, labels=[label_name] if label_name else [])
        found = totals.histograms[name] or ({} if label_name else {"": figures.HistogramFigure()})
        for label, histogram in sorted(found.items()):
            family.add_metric([label] if label_name else [], histogram.cumulative(), histogram.sum_s)
        yield family
