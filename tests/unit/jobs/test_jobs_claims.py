"""Claims: one holder, one commit, whoever was late."""

from __future__ import annotations

import threading

import pytest

from lumbar3d.contracts import JobState, Stage
from lumbar3d.jobs.claims import Claim, Claims, Failure, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import JobCancelledError, LeaseLostError
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable
from tests.unit.conftest import Submit

EXPIRED = LeasePolicy(lease_s=-1.0, max_attempts=3, retry_delay_s=0.0)


def taken(claims: Claims, job_id: str) -> Claim:
    claim = claims.claim(job_id)
    assert claim is not None
    return claim


def test_job_is_claimed_once(claims: Claims, submit: Submit) -> None:
    job = submit()
    assert taken(claims, job.id).attempt == 1
    assert claims.claim(job.id) is None


def test_simultaneous_claims_have_one_winner(claims: Claims, submit: Submit) -> None:
    job = submit()
    barrier = threading.Barrier(8)
    won: list[Claim | None] = []

    def take() -> None:
        barrier.wait()
        won.append(claims.claim(job.id))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claim for claim in won if claim is not None]) == 1


def test_claim_next_takes_what_the_queue_promised(table: JobTable, claims: Claims, submit: Submit) -> None:
    jobs = [submit() for _ in range(4)]
    order = sorted(jobs, key=lambda job: table.look(job.id, "alice")[1] or 0)
    assert [claim.job_id for _ in jobs if (claim := claims.claim_next())] == [job.id for job in order]
    assert claims.claim_next() is None


def test_report_is_seen_by_the_client(table: JobTable, claims: Claims, submit: Submit) -> None:
    claim = taken(claims, submit().id)
    claims.report(claim, Stage.REGISTER, 1.7)
    job = table.get(claim.job_id, "alice")
    assert (job.stage, job.progress) == ("register", 1.0)


def test_late_worker_cannot_commit(database: Database, table: JobTable, claims: Claims, submit: Submit) -> None:
    late = taken(Claims(database, EXPIRED), submit().id)
    assert Sweeper(database, EXPIRED, SweepPolicy()).release_expired() == 1
    successor = taken(claims, late.job_id)
    assert successor.attempt == 2 and successor.bundle != late.bundle
    for write in (
        lambda: claims.succeed(late),
        lambda: claims.renew(late),
        lambda: claims.report(late, Stage.EXPORT, 0.9),
        lambda: claims.end(late, JobState.FAILED, Failure("engine_failed")),
        lambda: claims.retry(late, Failure("engine_failed")),
    ):
        with pytest.raises(LeaseLostError):
            write()
    claims.succeed(successor)
    with pytest.raises(LeaseLostError):
        claims.succeed(successor)
    job = table.get(late.job_id, "alice")
    assert (job.state, job.result_bundle) == ("succeeded", successor.bundle)


def test_renewed_lease_is_not_swept(database: Database, table: JobTable, claims: Claims, submit: Submit) -> None:
    claim = taken(Claims(database, EXPIRED), submit().id)
    claims.renew(claim)
    assert Sweeper(database, LeasePolicy(lease_s=60.0), SweepPolicy()).release_expired() == 0
    assert table.get(claim.job_id, "alice").state == "running"


def test_cancel_reaches_the_worker_and_beats_the_commit(table: JobTable, claims: Claims, submit: Submit) -> None:
    claim = taken(claims, submit().id)
    table.cancel(claim.job_id, "alice")
    with pytest.raises(JobCancelledError):
        claims.report(claim, Stage.REGISTER, 0.5)
    with pytest.raises(JobCancelledError):
        claims.succeed(claim)
    claims.end(claim, JobState.CANCELLED)
    assert table.get(claim.job_id, "alice").state == "cancelled"


def test_retry_waits_and_the_third_failure_is_final(database: Database, table: JobTable, submit: Submit) -> None:
    claims = Claims(database, LeasePolicy(lease_s=60.0, max_attempts=3, retry_delay_s=0.0))
    job = submit()
    for expected in (JobState.QUEUED, JobState.QUEUED, JobState.FAILED):
        assert claims.retry(taken(claims, job.id), Failure("device_failed", "lost the device")) == expected
    ended = table.get(job.id, "alice")
    assert (ended.state, ended.error_code, ended.error_detail) == ("failed", "device_failed", "lost the device")
    patient = Claims(database, LeasePolicy(retry_delay_s=60.0))
    delayed = submit()
    patient.retry(taken(patient, delayed.id), Failure("engine_failed"))
    assert patient.claim(delayed.id) is None
