"""Submissions, idempotency, limits, cancelling and erasing."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, text

from lumbar3d.jobs.claims import Claims
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import IdempotencyReuseError, JobNotFoundError, QueueFullError, TooManyJobsError
from lumbar3d.jobs.records import status
from lumbar3d.jobs.schema import AUDIT, IDEMPOTENCY_KEYS
from lumbar3d.jobs.table import JobTable, QueueLimits
from tests.unit.conftest import Submit, submission


def events(database: Database, job_id: str) -> list[str]:
    with database.read() as connection:
        return list(
            connection.execute(select(AUDIT.c.event).where(AUDIT.c.job_id == job_id).order_by(AUDIT.c.id)).scalars()
        )


def test_submitted_job_waits_and_is_audited(table: JobTable, database: Database, submit: Submit) -> None:
    job = submit()
    found, position = table.look(job.id, "alice")
    assert (found.state, position, found.attempt) == ("queued", 1, 0)
    assert events(database, job.id) == ["submitted"]
    assert status(found, position).created_at.endswith("Z")


def test_queue_position_counts_those_before(table: JobTable, claims: Claims, submit: Submit) -> None:
    jobs = [submit() for _ in range(3)]
    positions = {job.id: table.look(job.id, "alice")[1] for job in jobs}
    assert set(positions.values()) == {1, 2, 3}
    first = next(job_id for job_id, position in positions.items() if position == 1)
    assert claims.claim(first) is not None
    assert table.look(first, "alice")[1] is None
    assert sorted(table.look(job.id, "alice")[1] or 0 for job in jobs) == [0, 1, 2]


def test_another_owners_job_does_not_exist(table: JobTable, submit: Submit) -> None:
    job = submit(owner="alice")
    for ask in (table.get, table.look, table.cancel, table.erase):
        with pytest.raises(JobNotFoundError):
            ask(job.id, "bob")
    assert table.get(job.id, "alice").state == "queued"


def test_same_key_same_payload_is_the_same_job(table: JobTable) -> None:
    first, is_new = table.submit(submission(key="k"))
    again, is_new_again = table.submit(submission(key="k"))
    assert (is_new, is_new_again) == (True, False)
    assert again.id == first.id


def test_same_key_other_payload_is_refused(table: JobTable) -> None:
    table.submit(submission(key="k", payload="one"))
    with pytest.raises(IdempotencyReuseError):
        table.submit(submission(key="k", payload="two"))


def test_keys_belong_to_their_owner(table: JobTable) -> None:
    alice, _ = table.submit(submission("alice", key="k", payload="one"))
    bob, is_new = table.submit(submission("bob", key="k", payload="two"))
    assert is_new and bob.id != alice.id


def test_simultaneous_repeats_make_one_job(table: JobTable) -> None:
    barrier = threading.Barrier(6)
    answers: list[tuple[str, bool]] = []

    def send() -> None:
        barrier.wait()
        job, is_new = table.submit(submission(key="k"))
        answers.append((job.id, is_new))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job_id for job_id, _ in answers}) == 1
    assert [is_new for _, is_new in answers].count(True) == 1


def test_limits_are_typed_and_a_known_key_passes_them(database: Database) -> None:
    table = JobTable(database, QueueLimits(queued=3, unfinished_per_owner=2))
    table.submit(submission("alice", key="k"))
    table.submit(submission("alice"))
    with pytest.raises(TooManyJobsError):
        table.submit(submission("alice"))
    with pytest.raises(TooManyJobsError):
        table.check_room("alice", "unknown")
    table.check_room("alice", "k")
    assert table.submit(submission("alice", key="k"))[1] is False
    table.submit(submission("bob"))
    with pytest.raises(QueueFullError):
        table.submit(submission("carol"))


def test_cancelled_while_queued_is_never_claimed(table: JobTable, claims: Claims, submit: Submit) -> None:
    job = submit()
    assert table.cancel(job.id, "alice").state == "cancelled"
    assert claims.claim(job.id) is None
    assert claims.claim_next() is None


def test_cancel_of_a_running_job_is_a_request(
    table: JobTable, claims: Claims, database: Database, submit: Submit
) -> None:
    job = submit()
    claims.claim(job.id)
    for _ in range(2):
        asked = table.cancel(job.id, "alice")
        assert (asked.state, asked.cancel_requested) == ("running", True)
    assert events(database, job.id) == ["submitted", "claimed", "cancel_requested"]


def test_keys_are_kept_as_hashes(table: JobTable, database: Database) -> None:
    first, again = submission(key="accession-4711"), submission(key="accession-4711")
    assert table.submit(again)[0].id == table.submit(first)[0].id == again.job_id
    bob = submission("bob", key="accession-4711")
    assert table.submit(bob)[1] is True, "a key is its owner's"
    with database.read() as connection:
        keys = connection.execute(select(IDEMPOTENCY_KEYS.c.key)).scalars().all()
    assert len(set(keys)) == 2 and all(len(key) == 64 and "4711" not in key for key in keys)


def test_erase_removes_row_and_key_but_not_the_audit(table: JobTable, claims: Claims, database: Database) -> None:
    job, _ = table.submit(submission(key="k"))
    assert table.erase(job.id, "alice") == (), "a queued job is not erased"
    claim = claims.claim(job.id)
    assert claim is not None
    assert table.erase(job.id, "alice") == (), "a running job is not erased"
    claims.succeed(claim)
    assert table.erase(job.id, "alice") == (job.id,)
    with pytest.raises(JobNotFoundError):
        table.get(job.id, "alice")
    with database.read() as connection:
        assert connection.execute(select(IDEMPOTENCY_KEYS)).first() is None
    assert events(database, job.id) == ["submitted", "claimed", "succeeded", "erased"]


def test_version_grows_with_every_change(table: JobTable, claims: Claims, submit: Submit) -> None:
    job = submit()
    versions = [job.version]
    claim = claims.claim(job.id)
    assert claim is not None
    versions.append(table.get(job.id, "alice").version)
    table.cancel(job.id, "alice")
    versions.append(table.get(job.id, "alice").version)
    assert versions == sorted(set(versions))


def test_connection_in_use_while_the_database_closes_is_closed_when_given_back(database: Database) -> None:
    with database.read() as connection:
        used = connection.connection.dbapi_connection
        database.close()
        connection.execute(text("SELECT 1"))
    assert used is not None
    with pytest.raises(Exception, match=r"(?i)closed"):
        used.cursor().execute("SELECT 1")
