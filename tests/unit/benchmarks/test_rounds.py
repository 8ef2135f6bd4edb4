"""Rounds of long measurements: what is kept is not run again."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from benchmarks import rounds
from benchmarks.records import write


def test_a_run_is_taken_up_where_it_ended(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    rounds.add_arguments(parser, "block")
    ran: list[int] = []

    def one(seed: int) -> dict[str, int]:
        ran.append(seed)
        return {"seed": seed}

    for arguments, sizes in (("--blocks 2", "--files 3"), ("--blocks 3", "--files 3"), ("--blocks 1", "--files 4")):
        chosen = parser.parse_args([*arguments.split(), "--seed", "5", "--work", str(tmp_path)])
        found = rounds.run(chosen, sizes, one)
        assert found == [{"seed": seed} for seed in range(5, 5 + chosen.rounds)]
    assert ran == [5, 6, 7, 5], "a block of other sizes is another block"


def test_a_record_is_kept_with_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "new", "speed", {"seconds": 1.5}, "| a |\n")
    assert (tmp_path / "new" / "speed.json").read_text() == '{\n "seconds": 1.5\n}\n'
    assert (tmp_path / "new" / "speed.md").read_text() == "| a |\n" == capsys.readouterr().out[:-1]
