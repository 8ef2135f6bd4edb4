"""Queue as the service sees it: hints sent by task name, the worker's code never imported."""

from __future__ import annotations

from celery import Celery

from lumbar3d.contracts import RECONSTRUCT_TASK
from lumbar3d.jobs.broker import QUEUE, TRANSPORT_OPTIONS

FAIL_FAST = {"max_retries": 1, "interval_start": 0.0, "interval_step": 0.1, "interval_max": 0.1}
"""Without it a producer retries a dead Redis for ever; the next sweep is our retry."""


class CeleryBroker:
    """Publishes job ids to Redis."""

    def __init__(self, url: str) -> None:
        self._app = Celery("lumbar3d-service", broker=url)
        self._app.conf.update(
            broker_transport_options=TRANSPORT_OPTIONS | FAIL_FAST,
            broker_connection_timeout=1.0,
            task_ignore_result=True,
            task_publish_retry=False,
            task_serializer="json",
        )

    def publish(self, job_id: str) -> None:
        """Send one hint; the sweep that called tries again later, so there is no retry here."""
        self._app.send_task(RECONSTRUCT_TASK, args=[job_id], queue=QUEUE, ignore_result=True)

    def backlog(self) -> int:
        """Number of hints that no worker has taken."""
        with self._app.connection_for_write() as connection:
            return int(connection.default_channel._size(QUEUE))

    def close(self) -> None:
        """Give the connections back."""
        self._app.close()


class NoBroker:
    """The embedded mode: the worker looks into the table, hints are not needed."""

    def publish(self, job_id: str) -> None:
        """Ignore the hint: there is no broker."""

    def backlog(self) -> int:
        """As many as wait."""
        return 1 << 30

    def close(self) -> None:
        """Do nothing: there is no connection."""


def connect(url: str | None) -> CeleryBroker | NoBroker:
    """The broker of this deployment."""
    return NoBroker() if url is None else CeleryBroker(url)
