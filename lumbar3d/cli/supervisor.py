"""Supervisor of the embedded worker: a child process that is started again whenever it ends."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

from lumbar3d.worker.heartbeat import EX_CONFIG

LOGGER = logging.getLogger(__name__)
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_S = 20.0
"""A child that lived this long was not broken from the start, so its successor starts at once."""
HOPELESS = 3
"""So many times in a row the engine did not load: nothing that another try would mend."""
STOP_S = 10.0
"""What a running job may still take after SIGTERM; killed later, it is queued again at the next start."""


class Supervisor:
    """Runs ``python -m module`` for the length of a ``with`` statement.

    Parameters
    ----------
    module : str
        Module of the worker process.
    environment : dict
        Added to this process's environment.
    on_hopeless : callable
        Called, from another thread, when the engine does not load; the worker is not started again.

    Attributes
    ----------
    is_hopeless : bool
        Whether that has happened.
    """

    def __init__(self, module: str, environment: dict[str, str], on_hopeless: Callable[[], None]) -> None:
        self._command = [sys.executable, "-m", module]
        self._environment = {**os.environ, **environment}
        self._on_hopeless = on_hopeless
        self.is_hopeless = False
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="worker-supervisor", daemon=True)

    def __enter__(self) -> Self:
        """Start the child and watch it."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
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
        pause_s, unloaded = FIRST_PAUSE_S, 0
        while (child := self._spawn()) is not None:
            started_s = time.monotonic()
            status = child.wait()
            if self._stopping.is_set():
                return
            unloaded = unloaded + 1 if status == EX_CONFIG else 0
            if unloaded == HOPELESS:
                LOGGER.critical("the engine does not load, giving up")
                self.is_hopeless = True
                self._on_hopeless()
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
