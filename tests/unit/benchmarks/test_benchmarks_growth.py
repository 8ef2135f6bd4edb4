"""Queries that must not grow with the job table: along indexes; and the benchmark that measures them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import growth
from lumbar3d.jobs.claims import LeasePolicy
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy


def test_no_question_walks_through_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "REPEATS", 1)
    with closing(growth.table(tmp_path, 300, 10)) as database:
        costs, walks = growth.asked(database)
    assert costs.keys() == walks.keys() and min(costs.values()) > 0.0
    assert {name for name, steps in walks.items() if steps} == {"claim the next"}
    assert walks["claim the next"] == ["USE TEMP B-TREE FOR ORDER BY"]  # of those who wait


def test_old_results_are_found_by_their_end(tmp_path: Path) -> None:
    with closing(growth.table(tmp_path, 300, 10)) as database:
        sweeper = Sweeper(database, LeasePolicy(), SweepPolicy(retention_s=3599.9))
        with growth.listened(database) as statements:
            erased = sweeper.erase_old()
        assert 0 < len(erased) <= 290
        assert any("jobs_by_end" in step for step in statements.plans(database))


def test_tables_have_a_column_for_each_size() -> None:
    lines = growth.columns("px", {"512": {"read": 1.0}, "1024": {"read": 2.5}})
    assert lines == ["| CPU ms | 512 px | 1024 px |", "|---|---|---|", "| read | 1.00 | 2.50 |"]
