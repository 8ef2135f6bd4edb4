"""Ends of jobs, told by the service's events, so that nobody has to ask again and again."""

from __future__ import annotations

import threading

from lumbar3d.client import ClientError, JobsClient

MOST = 8
"""Streams at the same time, a quarter of what a service allows one key; jobs run in their order, and the others are
asked for as they were before."""


class Ends:
    """Waits for jobs in threads of their own; remembers nothing that a restart would miss.

    Parameters
    ----------
    client : JobsClient

    Attributes
    ----------
    news : threading.Event
        Set when a job has ended, or cannot be followed any more: it is time to look.
    waiting : set of str
        Jobs that are being followed.
    """

    def __init__(self, client: JobsClient) -> None:
        self._client = client
        self.news = threading.Event()
        self.waiting: set[str] = set()

    def follow(self, job: str) -> None:
        """Follow a job where there is room for one more."""
        if len(self.waiting) < MOST:
            self.waiting.add(job)
            threading.Thread(target=self._wait, args=(job,), name="job-events", daemon=True).start()

    def _wait(self, job: str) -> None:
        try:
            self._client.wait(job)
        except (ClientError, RuntimeError):  # no answer, no such job, or the client was closed: whoever looks is told
            pass
        finally:
            self.waiting.discard(job)
            self.news.set()
