"""Rounds under faults kept in one record: what still waits is not lost, and what was lost once is not forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import chaos, chaos_round


def a_round(**changes: Any) -> dict[str, Any]:
    counts = dict.fromkeys(chaos.WORDS, 0) | {"acknowledged": 10, "finished": 10}
    kinds = {"faults": {"worker killed": 2}, "answers": {"202": 10}, "recovered_s": [1.0, 3.0]}
    made = {"jobs": 10, "commit": "1234567", "load_average": 0.5, "machine": {"processor": "CPU", "cores": 2}}
    return {"seed": 1, "database": "PostgreSQL", "seconds": 60.0} | kinds | made | counts | changes


def test_rounds_are_summed() -> None:
    behind = a_round(seed=2, finished=6, still_waiting=3, lost=1, recovered_s=[], commit="89abcde")
    record = chaos.summary([a_round(), behind])
    total = record["total"]
    assert (total["acknowledged"], total["finished"], total["still_waiting"], total["lost"]) == (20, 16, 3, 1)
    assert (total["faults"], total["recovery_s"]["faults"], record["minutes"]) == (4, 2, 2.0)
    text = chaos.render(record)
    assert "| still waiting | 3 |" in text and "| lost | 1 |" in text and "4: 4 worker killed" in text
    assert "of commit `1234567`, `89abcde`" in text
    assert "| 2 | `89abcde` | CPU, 2 cores, 0.5 | 10 | 2 | 3 / 1 / 0 / 0 | 1.0 |" in text


def test_a_later_run_goes_on_behind_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another session, another commit: the seeds go on, and nothing that is kept changes."""
    commits = iter(["aaaaaaa", "aaaaaaa", "bbbbbbb+", "ccccccc"])
    monkeypatch.setattr(chaos, "commit_of", lambda _: next(commits))
    monkeypatch.setattr(chaos, "one_round", lambda _folder, jobs, _faults, seed: a_round(seed=seed, jobs=jobs))

    def run(*arguments: str) -> list[dict[str, Any]]:
        monkeypatch.setattr(sys, "argv", ["chaos", "--out", str(tmp_path), *arguments])
        chaos.main()
        rounds: list[dict[str, Any]] = json.loads((tmp_path / "chaos.json").read_text())["rounds"]
        return rounds

    begun = run("--seed", "100", "--rounds", "2", "--jobs", "5")
    gone_on = run("--add", "--jobs", "7")
    assert [(each["seed"], each["jobs"], each["commit"]) for each in gone_on] == [
        (100, 5, "aaaaaaa"),
        (101, 5, "aaaaaaa"),
        (102, 7, "bbbbbbb+"),
    ]
    assert gone_on[:2] == begun
    table = (tmp_path / "chaos.md").read_text()
    assert "rounds: 3" in table and "of commit `aaaaaaa`, `bbbbbbb+`" in table
    assert [each["seed"] for each in run("--seed", "7")] == [7], "without --add the record begins anew"


def test_every_round_is_kept_when_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(_folder: Path, _jobs: int, _faults: int, seed: int) -> dict[str, Any]:
        if seed == 2:
            raise KeyboardInterrupt
        return a_round(seed=seed)

    monkeypatch.setattr(chaos, "one_round", ended)
    monkeypatch.setattr(sys, "argv", ["chaos", "--out", str(tmp_path), "--rounds", "9"])
    with pytest.raises(KeyboardInterrupt):
        chaos.main()
    assert [each["seed"] for each in chaos.kept(tmp_path)] == [0, 1]
    assert chaos.kept(tmp_path / "elsewhere") == []


def test_commit_of_a_folder(tmp_path: Path) -> None:
    assert chaos.commit_of(tmp_path / "nowhere") == "unknown"

    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        return subprocess.run(["git", "-C", tmp_path, *who, *words], check=True, capture_output=True, text=True).stdout

    git("init", "--quiet")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message", "first")
    commit = chaos.commit_of(tmp_path)
    assert len(commit) >= 7 and git("rev-parse", "HEAD").startswith(commit)
    (tmp_path / "file").write_text("two")
    assert chaos.commit_of(tmp_path) == f"{commit}+"


@pytest.mark.parametrize(("jobs", "faults"), [(500, 50), (30, 8), (3, 5)])
def test_every_job_comes_with_a_fault_or_after_the_last(jobs: int, faults: int) -> None:
    shares = chaos_round.shares(jobs, faults)
    assert len(shares) == faults + 1 and sum(shares) == jobs and max(shares) - min(shares) <= 1
