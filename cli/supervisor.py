"""Keeps the embedded worker alive: a child process that is started again whenever it ends."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time

LOGGER = logging.getLogger(__name__)
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_S = 20.0
"""A child that lived this long was not broken from the start, so its successor starts at once."""
STOP_S = 10.0
"""What a running job may still take after SIGTERM; killed later, it is queued again at the next start."""


class Supervisor:
    """Runs ``python -m module`` until stopped.

    Parameters
    ----------
    module : str
        Module of the worker process.
    environment : dict
        Added to this process's environment.
    """

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        self._command = [sys.executable, "-m", module]
        self._environment = {**os.environ, **environment}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="worker-supervisor", daemon=True)

    def start(self) -> None:
        """Start the child and watch it."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the child to end; after ``STOP_S`` it is killed."""
        with self._lock:
            self._stopping.set()
            if self._child is not None:
                self._child.terminate()
        self._thread.join(STOP_S)
        if self._thread.is_alive() and self._child is not None:
            self._child.kill()
            self._thread.join()

    def _watch(self) -> None:
        pause_s = FIRST_PAUSE_S
        while (child := self._spawn()) is not None:
            started_s = time.monotonic()
            status = child.wait()
            if self._stopping.is_set():
                return
            LOGGER.error("embedded worker ended, starting another", extra={"status": status})
            pause_s = FIRST_PAUSE_S if time.monotonic() - started_s > HEALTHY_S else min(LONGEST_PAUSE_S, 2 * pause_s)
            self._stopping.wait(pause_s)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        """Start a child in its own session: a Ctrl-C at the terminal is for us to pass on, after its job."""
        with self._lock:
            if self._stopping.is_set():
                return None
            self._child = subprocess.Popen(self._command, env=self._environment, start_new_session=True)
            return self._child
