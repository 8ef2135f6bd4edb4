"""Presence of this worker, said in the job table for as long as it works."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from lumbar3d.errors import Lumbar3dError
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import DatabaseUnavailableError, StorageFullError
from lumbar3d.jobs.presence import READY, Presence
from lumbar3d.worker.engine import EngineFactory, JobEngine
from lumbar3d.worker.settings import WorkerSettings


def load_and_tell(database: Database, settings: WorkerSettings, engine_factory: EngineFactory) -> JobEngine:
    """Load the engine; tell that it is ready, again and again from a thread, or why it does not load."""
    presence = Presence(database, socket.gethostname(), str(os.getpid()), settings.lease_s)
    try:
        engine = engine_factory(settings)
    except Exception as error:
        _tell(presence, error.code if isinstance(error, Lumbar3dError) else "internal_error")
        raise
    threading.Thread(target=_keep, args=(presence, settings.heartbeat_s), name="presence", daemon=True).start()
    return engine


def _keep(presence: Presence, interval_s: float) -> None:
    never = threading.Event()
    while True:
        _tell(presence, READY)
        never.wait(interval_s)


def _tell(presence: Presence, state: str) -> None:
    with contextlib.suppress(DatabaseUnavailableError, StorageFullError):
        presence.tell(state)
