"""Runtime of a worker process, built once: job table, store, engine. Never before a fork."""

from __future__ import annotations

from dataclasses import dataclass

from lumbar3d.jobs.claims import Claims, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.stores import open_store
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.worker.engine import EngineFactory
from lumbar3d.worker.presence import load_and_tell
from lumbar3d.worker.runner import Runner, Timing
from lumbar3d.worker.settings import WorkerSettings

RESULT_SHARE = 1 / 8
"""Of the room that uploads must leave: they are refused first, so results of accepted jobs still find some."""


@dataclass(frozen=True)
class Runtime:
    """One per process."""

    database: Database
    sweeper: Sweeper
    runner: Runner

    @classmethod
    def start(cls, settings: WorkerSettings, engine_factory: EngineFactory) -> Runtime:
        """Open the job table, make sure of the tables, load the engine."""
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = Database(settings.database)
        database.create_tables()
        lease = LeasePolicy(settings.lease_s, settings.max_attempts, settings.retry_delay_s)
        timing = Timing(settings.heartbeat_s, settings.job_time_limit_s, patience_s=2.0 * settings.lease_s)
        min_free = int(settings.min_free_mb * RESULT_SHARE * (1 << 20))
        store = open_store(settings)
        engine = load_and_tell(database, settings, engine_factory)
        runner = Runner(Claims(database, lease), store, engine, timing, min_free)
        return cls(database, Sweeper(database, lease, SweepPolicy()), runner)
