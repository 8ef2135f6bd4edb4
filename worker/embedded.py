"""The worker of the embedded mode: a child process that takes jobs straight from the table, no broker.

It is a process of its own so that a reconstruction does not hold the service's interpreter and so that its death costs
nothing: the table still has the job. It ends when its parent does.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lumbar3d.jobs import jsonlog
from lumbar3d.jobs.errors import AWAY, DatabaseUnavailableError, SchemaVersionError, StorageFullError
from lumbar3d.jobs.settings import explain
from lumbar3d.worker.engine import EngineFactory, load_engine
from lumbar3d.worker.heartbeat import EX_CONFIG, EX_TEMPFAIL
from lumbar3d.worker.runner import AttemptOutcome
from lumbar3d.worker.runtime import Runtime
from lumbar3d.worker.settings import WorkerSettings

LOGGER = logging.getLogger("lumbar3d.worker.embedded")  # not __name__: this module is run as __main__
PARENT_CHECK_S = 0.5
AWAKE_S = 600.0
"""For so long after a job another is likely, and somebody at the page waits for it."""
AWAKE = 0.25
"""Of ``poll_s``, while awake."""


def main(engine_factory: EngineFactory = load_engine) -> int:
    """Serve until SIGTERM (the running job is finished first) or until the parent is gone.

    Returns
    -------
    int
        Exit status: 0 after SIGTERM, 75 when the accelerator failed or table or store are away and the process must
        be replaced, 78 when the engine does not load.
    """
    parent = os.getppid()
    try:
        settings = WorkerSettings()
    except ValueError as error:
        raise SystemExit(f"lumbar3d: the settings do not work: {explain(error)}") from None
    jsonlog.configure(settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    threading.Thread(target=_end_with, args=(parent,), name="parent-watch", daemon=True).start()
    with _only_one(settings.data_dir):
        try:
            runtime = Runtime.start(settings, engine_factory)
            taken_back = runtime.sweeper.release_all()
        except SchemaVersionError as error:
            LOGGER.critical("the job table is of another version: lumbar3d db upgrade", extra={"code": error.code})
            return EX_CONFIG
        except AWAY as error:
            LOGGER.error("job table or store not reachable", extra={"code": error.code})
            return EX_TEMPFAIL
        except Exception:
            LOGGER.critical("engine does not load", exc_info=True)
            return EX_CONFIG
        LOGGER.info("embedded worker ready", extra={"count": taken_back})
        return _serve(runtime, settings, stopping)


def _serve(runtime: Runtime, settings: WorkerSettings, stopping: threading.Event) -> int:
    awake_until_s = 0.0
    while not stopping.is_set():
        try:
            outcome = runtime.runner.run_next()
        except (DatabaseUnavailableError, StorageFullError) as error:
            LOGGER.error("job table not reachable", extra={"code": error.code})
            outcome = None
        if outcome == AttemptOutcome.DEVICE_LOST:
            return EX_TEMPFAIL
        now_s = time.monotonic()
        if outcome is None:
            stopping.wait(settings.poll_s * (AWAKE if now_s < awake_until_s else 1.0))
        else:
            awake_until_s = now_s + AWAKE_S
    return 0


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Wait until no other embedded worker serves this folder; the lock goes with the process, however it dies."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _end_with(parent: int) -> None:
    """End this process when its parent did: an orphan would hold the lock and the memory."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(0)


if __name__ == "__main__":
    raise SystemExit(main())
