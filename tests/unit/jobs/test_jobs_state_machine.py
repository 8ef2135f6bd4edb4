"""Any interleaving of clients, workers, deaths and sweeps keeps the promises of the job table."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Row, func, select, update

from lumbar3d.contracts import JobState, Stage
from lumbar3d.jobs.claims import Claim, Claims, Failure, LeasePolicy
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import JobCancelledError, LeaseLostError
from lumbar3d.jobs.schema import AUDIT, JOBS
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable, QueueLimits
from tests.unit.conftest import submission

ALL_JOBS = select(JOBS)
COMMITS = select(AUDIT.c.job_id, func.count()).where(AUDIT.c.event == "succeeded").group_by(AUDIT.c.job_id)
LEASE = LeasePolicy(lease_s=1000.0, max_attempts=3, retry_delay_s=0.0)


@functools.cache
def empty_database() -> bytes:
    """File with the tables: every example begins with a copy of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.sqlite3"
        database = Database(f"sqlite:///{path}")
        database.create_tables()
        database.close()
        return path.read_bytes()


class JobLife(RuleBasedStateMachine):
    """Workers keep every claim they ever had and go on using it, dead or not."""

    jobs: Bundle[str] = Bundle("jobs")
    claims: Bundle[Claim | None] = Bundle("claims")

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "jobs.sqlite3"
        path.write_bytes(empty_database())
        self.database = Database(f"sqlite:///{path}")
        self.table = JobTable(self.database, QueueLimits())
        self.worker = Claims(self.database, LEASE)
        self.sweeper = Sweeper(self.database, LEASE, SweepPolicy())
        self.ended: dict[str, Row[Any]] = {}
        self.submitted: set[str] = set()

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @rule(target=jobs)
    def submit(self) -> str:
        job, _ = self.table.submit(submission())
        self.submitted.add(job.id)
        return job.id

    @rule(target=claims, job_id=jobs)
    def claim(self, job_id: str) -> Claim | None:
        was = self.table.get(job_id, "alice").state
        claim = self.worker.claim(job_id)
        assert (claim is not None) == (was == JobState.QUEUED)
        return claim

    @rule(claim=claims, ending=st.sampled_from(["report", "succeed", "reject", "retry", "cancel"]))
    def act(self, claim: Claim | None, ending: str) -> None:
        if claim is None:
            return
        before = self.table.get(claim.job_id, "alice")
        holds = self._holds(claim)
        try:
            self._act(claim, ending)
        except LeaseLostError:
            assert not holds
            assert self.table.get(claim.job_id, "alice") == before, "a lost claim changes nothing"
        except JobCancelledError:
            assert holds and before.cancel_requested
        else:
            assert holds

    def _act(self, claim: Claim, ending: str) -> None:
        if ending == "report":
            self.worker.report(claim, Stage.REGISTER, 0.5)
        elif ending == "succeed":
            self.worker.succeed(claim)
        elif ending == "retry":
            self.worker.retry(claim, Failure("engine_failed"))
        else:
            state = JobState.REJECTED if ending == "reject" else JobState.CANCELLED
            self.worker.end(claim, state, Failure("rejected") if ending == "reject" else None)

    def _holds(self, claim: Claim) -> bool:
        with self.database.read() as connection:
            token = connection.execute(select(JOBS.c.token).where(JOBS.c.id == claim.job_id)).scalar_one()
        return bool(token == claim.token)

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        self.table.cancel(job_id, "alice")

    @rule(job_id=jobs)
    def worker_dies_and_sweep(self, job_id: str) -> None:
        with self.database.write() as connection:
            dead = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state == JobState.RUNNING)
            connection.execute(dead.values(lease_expires_s=now_s() - 1.0))
        self.sweeper.release_expired()

    @rule(target=claims, job_id=jobs)
    def worker_dies_and_another_takes_over(self, job_id: str) -> Claim | None:
        self.worker_dies_and_sweep(job_id)
        return self.worker.claim(job_id)

    @invariant()
    def promises(self) -> None:
        if not hasattr(self, "database"):
            return
        with self.database.read() as connection:
            rows = connection.execute(ALL_JOBS).all()
            commits = connection.execute(COMMITS).all()
        assert {row.id for row in rows} == self.submitted, "no job disappears"
        assert all(count == 1 for _, count in commits), "no job is committed twice"
        for row in rows:
            assert (row.token is not None) == (row.state == JobState.RUNNING)
            assert row.attempt <= LEASE.max_attempts
            if JobState(row.state).is_final:
                assert self.ended.setdefault(row.id, row) == row, "an end is an end"


JobLife.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestJobLife = JobLife.TestCase
