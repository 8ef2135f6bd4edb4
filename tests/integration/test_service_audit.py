"""The audit: what is in it, who may read it, and that nothing leaves it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError

from lumbar3d.jobs import audit
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import AUDIT
from lumbar3d.service import keys
from lumbar3d.service.access import Role
from tests.integration.http_bench import http_bench, problem
from tests.postgresql import PostgresqlMissing, postgresql_server

STORY = ["submitted", "claimed", "succeeded", "read", "read", "erased"]


def test_a_job_leaves_its_whole_story(tmp_path: Path) -> None:
    alice, boss = keys.create("alice"), keys.create("boss", [Role.ADMIN])
    entries = f"{alice.entry} {boss.entry}"
    as_alice, as_boss = ({"Authorization": f"Bearer {key.secret}"} for key in (alice, boss))
    with http_bench(tmp_path, require_api_key=True, api_key_hashes=entries) as bench:
        address = bench.submitted(as_alice)
        bench.run_next()
        answer = bench.client.get(address + "/result", headers=as_alice)
        unchanged = as_alice | {"If-None-Match": answer.headers["ETag"]}
        assert bench.client.get(address + "/result", headers=unchanged).status_code == 304, "nothing was given away"
        bench.client.get(address + "/meshes/L1.stl", headers=as_alice)
        problem(bench.client.get(address + "/result", headers=as_boss), 404, "job_not_found")
        bench.client.delete(address, headers=as_alice)
        problem(bench.client.get("/audit", headers=as_alice), 403, "forbidden")
        rows = bench.client.get("/audit", headers=as_boss).json()
        last = bench.client.get(f"/audit?after={rows[-2]['id']}", headers=as_boss).json()
    assert [row["event"] for row in rows] == STORY and last == rows[-1:]
    assert {row["job_id"] for row in rows} == {address.rpartition("/")[2]}
    assert [row["actor"] for row in rows] == ["alice", "worker", "worker", "alice", "alice", "alice"]
    assert [row["code"] for row in rows if row["event"] == "read"] == ["result.json", "L1.stl"]
    assert exported(tmp_path, "json") == objects(told(tmp_path, "--json")) == rows
    assert [row["event"] for row in exported(tmp_path, "csv")] == STORY
    assert len(exported(tmp_path, "json", "--actor", "worker")) == 2
    assert not exported(tmp_path, "json", "--since", "2200-01-01")
    file = tmp_path / "audit.csv"
    assert json.loads(told(tmp_path, "--format", "csv", "--json", "--out", str(file))) == {"files": [str(file)]}
    assert len(list(csv.DictReader(io.StringIO(file.read_text())))) == len(rows)


def exported(folder: Path, form: str, *arguments: str) -> list[dict[str, object]]:
    text = told(folder, "--format", form, *arguments)
    return list(csv.DictReader(io.StringIO(text))) if form == "csv" else objects(text)


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def told(folder: Path, *arguments: str) -> str:
    environment = os.environ | {"LUMBAR3D_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "lumbar3d.cli", "audit", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_rows_can_be_added_and_nothing_else(tmp_path: Path) -> None:
    nothing_else(f"sqlite:///{tmp_path / 'jobs.sqlite3'}")


def test_rows_of_postgresql_can_be_added_and_nothing_else() -> None:
    try:
        with postgresql_server() as url:
            nothing_else(url)
    except PostgresqlMissing as error:
        pytest.skip(str(error))


def nothing_else(url: str) -> None:
    database = Database(url)
    database.create_tables()
    with database.write() as connection:
        audit.record(connection, "job", "alice", "submitted")
    for statement in (delete(AUDIT), update(AUDIT).values(actor="bob")):
        with pytest.raises(Exception, match="append-only") as caught, database.engine.begin() as connection:
            connection.execute(statement)
        assert isinstance(caught.value, DatabaseError)
    assert [row.actor for row in audit.read(database)] == ["alice"]
    database.close()


def test_number_that_no_database_takes_is_refused(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        assert bench.client.get(f"/audit?after={2**53 - 1}").json() == []
        assert bench.client.get(f"/audit?after={2**63}").status_code == 422
