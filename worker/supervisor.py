"""Keeps one embedded worker alive beside the service: ``with Supervisor(environment): uvicorn.run(...)``."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

LOGGER = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "worker.embedded")
PAUSE_S = (0.5, 30.0)
"""First and longest pause before a restart: an engine that cannot load must not burn the machine."""
HEALTHY_S = 60.0
"""A child that lived this long starts the pauses over."""
DRAIN_S = 60.0
"""How long a stopping child may take to finish its job; what it loses then is queued again at the next start."""


class Supervisor:
    """Starts the child, restarts it whenever it dies, stops it with SIGTERM.

    Parameters
    ----------
    environment : mapping
        Complete environment of the child: its settings are ``LUMBAR3D_*`` like the service's.
    command : sequence of str
        What to run.
    """

    def __init__(self, environment: Mapping[str, str], command: Sequence[str] = COMMAND) -> None:
        self._environment = dict(environment)
        self._command = list(command)
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_alive, name="worker-supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the present child."""
        return self._child.pid if self._child is not None else None

    def __enter__(self) -> Supervisor:
        self._child = self._start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, env=self._environment, stdin=subprocess.DEVNULL)

    def _keep_alive(self) -> None:
        pause_s, longest_s = PAUSE_S
        started_s = time.monotonic()
        while not self._stopping.wait(0.1):
            assert self._child is not None
            status = self._child.poll()
            if status is None:
                continue
            pause_s = PAUSE_S[0] if time.monotonic() - started_s > HEALTHY_S else pause_s
            LOGGER.error("embedded worker ended, starting another", extra={"status": status})
            if self._stopping.wait(pause_s):
                break
            pause_s = min(longest_s, 2 * pause_s)
            self._child, started_s = self._start(), time.monotonic()
        self._stop()

    def _stop(self) -> None:
        assert self._child is not None
        self._child.terminate()
        try:
            self._child.wait(DRAIN_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
