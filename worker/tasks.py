"""Celery application and its one task.

A message carries a job id and nothing else; losing or repeating one costs nothing, because the job table is the truth.
So the message is out of the queue when it arrives (one that stayed there could only be repeated as poison), results are
not kept, and nobody's exception ever crosses the queue.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from typing import Any

from celery import Celery, signals
from celery.worker import state
from kombu.entity import Queue

from lumbar3d.contracts import RECONSTRUCT_TASK
from lumbar3d.jobs import jsonlog
from lumbar3d.jobs.broker import QUEUE, TRANSPORT_OPTIONS
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import AWAY, DatabaseUnavailableError, SchemaVersionError, StorageFullError
from lumbar3d.worker.engine import EngineFactory, load_engine
from lumbar3d.worker.heartbeat import EX_CONFIG, EX_TEMPFAIL
from lumbar3d.worker.runner import AttemptOutcome
from lumbar3d.worker.runtime import Runtime
from lumbar3d.worker.settings import WorkerSettings

LOGGER = logging.getLogger(__name__)
HARD_LIMIT_MARGIN_S = 30.0
"""The heartbeat ends a hanging attempt first; Celery's limit is for a process that cannot even run a thread."""
WAIT_FOR_ROOM_S = 30.0
"""A hint is kept this long for a full disk; the sweeper sends it again."""
HOPELESS = 3
"""So many children in a row could not load the engine: nothing that another try would mend."""
RETRY_S, WATCH_S, STOP_S = 2.0, 0.5, 5.0
ENGINE_START_S = 180.0
"""Compiling kernels and opening the network may take minutes on a slow machine; Celery's own default is 4 s."""


class ReconstructTask:
    """The one task of one worker process; builds its runtime after the fork, because CUDA does not survive one."""

    def __init__(self, settings: WorkerSettings, engine_factory: EngineFactory) -> None:
        self._settings = settings
        self._engine_factory = engine_factory
        self._runtime: Runtime | None = None
        self._unloaded = multiprocessing.Value("i", 0)

    def watch(self, **_: Any) -> None:
        """In the parent: end it where its children cannot load the engine, time after time."""
        threading.Thread(target=self._give_up_in_time, name="engine-watch", daemon=True).start()

    def _give_up_in_time(self) -> None:
        while self._unloaded.value < HOPELESS:
            time.sleep(WATCH_S)
        LOGGER.critical("the engine does not load, giving up: `lumbar3d doctor` says why")
        state.should_stop = EX_CONFIG
        time.sleep(STOP_S)
        os._exit(EX_CONFIG)  # children that die at once keep Celery from looking at the flag

    def check_table(self, **_: Any) -> None:
        """End the worker, with a sentence, before it has children that could not work with the table."""
        database = Database(self._settings.database)
        try:
            database.create_tables()
        except SchemaVersionError as error:
            raise SystemExit(f"lumbar3d: {error}") from None
        except (DatabaseUnavailableError, StorageFullError) as error:
            LOGGER.error("job table not reachable", extra={"code": error.code})
        finally:
            database.close()

    def start(self, **_: Any) -> None:
        """Load the engine once; a child that cannot must not take jobs."""
        try:
            self._runtime = Runtime.start(self._settings, self._engine_factory)
        except AWAY as error:
            LOGGER.error("job table or store not reachable, trying again", extra={"code": error.code})
            time.sleep(RETRY_S)
            os._exit(EX_TEMPFAIL)  # not counted: however long they are away, this worker waits for them
        except Exception:
            LOGGER.critical("engine does not load", exc_info=True)
            with self._unloaded.get_lock():
                self._unloaded.value += 1
            time.sleep(RETRY_S)  # the parent starts the next child at once
            os._exit(EX_CONFIG)
        with self._unloaded.get_lock():
            self._unloaded.value = 0
        LOGGER.info("worker process ready")

    def run(self, job_id: str) -> None:
        """Claim and run one job; a duplicate or unknown id does nothing."""
        assert self._runtime is not None
        runner = self._runtime.runner
        deadline_s = time.monotonic() + WAIT_FOR_ROOM_S
        while not runner.has_room() and time.monotonic() < deadline_s:
            time.sleep(0.5)
        try:
            outcome = runner.run_job(job_id)
        except (DatabaseUnavailableError, StorageFullError) as error:
            LOGGER.error("job table not reachable", extra={"code": error.code})
            return
        if outcome == AttemptOutcome.DEVICE_LOST:
            os._exit(EX_TEMPFAIL)


def build_app(settings: WorkerSettings, engine_factory: EngineFactory = load_engine) -> Celery:
    """Celery application with its one task.

    Parameters
    ----------
    settings : WorkerSettings
    engine_factory : callable
        Makes the engine in every pool process.

    Raises
    ------
    ValueError
        No broker is configured.
    """
    if settings.broker is None:
        raise ValueError("a Celery worker needs LUMBAR3D_BROKER_URL")
    app = Celery("lumbar3d", broker=settings.broker, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        broker_channel_error_retry=True,  # a full Redis refuses commands: that passes, and must not end a worker
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_transport="lumbar3d.worker.transport:HintTransport",
        broker_transport_options=TRANSPORT_OPTIONS,
        task_acks_late=False,
        task_default_queue=QUEUE,
        task_ignore_result=True,
        # Not acknowledged: a Redis that does not take an acknowledgement would leave the message its place, and the
        # worker, which holds one at a time, without work for an hour. Hints that are lost are sent again.
        task_queues=[Queue(QUEUE, routing_key=QUEUE, no_ack=True)],  # type: ignore[no-untyped-call]
        task_serializer="json",
        task_time_limit=settings.job_time_limit_s + HARD_LIMIT_MARGIN_S,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_concurrency=1,
        worker_disable_prefetch=True,
        worker_max_tasks_per_child=200,
        worker_pool="prefork",
        worker_prefetch_multiplier=1,
        worker_proc_alive_timeout=ENGINE_START_S,
    )
    task = ReconstructTask(settings, engine_factory)
    app.task(name=RECONSTRUCT_TASK)(task.run)
    signals.worker_init.connect(task.check_table, weak=False)
    signals.worker_init.connect(task.watch, weak=False)
    signals.worker_process_init.connect(task.start, weak=False)
    signals.setup_logging.connect(_logging(settings), weak=False)
    return app


def _logging(settings: WorkerSettings) -> Any:
    """Our JSON logs instead of Celery's."""

    def configure(**_: Any) -> None:
        jsonlog.configure(settings.log_level)

    return configure
