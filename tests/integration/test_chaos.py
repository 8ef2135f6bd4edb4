"""A short run of the chaos benchmark: every kind of fault once, no accepted job lost, none done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos_round import one_round

pytestmark = [pytest.mark.redis, pytest.mark.slow]


def test_no_accepted_job_is_lost_or_done_twice(tmp_path: Path) -> None:
    found = one_round(tmp_path, jobs=30, faults=8, seed=1)
    assert sum(found["faults"].values()) == 8 and max(found["faults"].values()) == 1
    assert (found["acknowledged"], found["finished"]) == (30, 30), found
    assert (found["lost"], found["twice"], found["without_files"]) == (0, 0, 0), found
    assert set(found["answers"]) <= {"202", "429", "503", "507", "no answer"}, "no refusal without its reason"
