"""Accepted jobs under faults, lost or done twice: ``python -m benchmarks.chaos``.

Rounds, each on a fresh deployment (``benchmarks.chaos_round``). The record keeps every round that ended, with its
machine and commit, and is written after each: ``python -m benchmarks.chaos --add --jobs 500 --faults 50 --rounds 3``
goes on from there with the next seed, on whatever machine, until 10,000 jobs and 1,000 faults are there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.chaos_round import one_round
from benchmarks.chaos_world import LEASE_S
from benchmarks.machine import describe
from benchmarks.processes import ROOT
from benchmarks.records import write

RESULTS = ROOT / "benchmarks" / "results"
NAME = "chaos"
WORDS = ("acknowledged", "finished", "still_waiting", "lost", "without_files", "twice", "run_again")
BAD = ("still_waiting", "lost", "without_files", "twice")


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Record of all rounds."""
    recovered_s = np.array([seconds for each in rounds for seconds in each["recovered_s"]] or [0.0])
    kinds: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for each in rounds:
        kinds.update(each["faults"])
        answers.update(each["answers"])
    quantiles = {"p50": 50.0, "p95": 95.0, "max": 100.0}
    recovery_s = {name: round(float(np.percentile(recovered_s, q)), 1) for name, q in quantiles.items()}
    met = sum(len(each["recovered_s"]) for each in rounds)
    return {
        "total": {word: sum(each.get(word, 0) for each in rounds) for word in WORDS}
        | {"faults": kinds.total(), "recovery_s": recovery_s | {"faults": met}},
        "minutes": round(sum(each["seconds"] for each in rounds) / 60.0, 1),
        "kinds": dict(sorted(kinds.items())),
        "answers": dict(sorted(answers.items())),
        "rounds": list(rounds),
    }


def render(record: dict[str, Any]) -> str:
    """Markdown of the record."""
    rounds, total = record["rounds"], record["total"]
    commits = ", ".join(f"`{commit}`" for commit in _each(each["commit"] for each in rounds))
    lines = [
        "# Faults",
        "",
        f"Made by `python -m benchmarks.chaos --add --jobs {rounds[-1]['jobs']} --faults "
        f"{sum(rounds[-1]['faults'].values())}` and the like; rounds: {len(rounds)}, {record['minutes']} minutes, "
        f"of commit {commits}. {', '.join(_each(each['database'] for each in rounds))}, Redis without persistence, "
        f"2 front ends, 2 Celery workers, engine of a third of a second, lease {LEASE_S:.0f} s.",
        "",
        "| | |",
        "|---|---|",
        f"| faults | {total['faults']}: " + ", ".join(f"{n} {kind}" for kind, n in record["kinds"].items()) + " |",
    ]
    lines += [f"| {word.replace('_', ' ')} | {total[word]} |" for word in WORDS]
    lines += [
        f"| from a fault to the end of all jobs that ran at that moment, p50 / p95 / max | "
        f"{' / '.join(str(total['recovery_s'][name]) for name in ('p50', 'p95', 'max'))} s "
        f"({total['recovery_s']['faults']} faults met running jobs) |",
        "| answers to submissions | " + ", ".join(f"{n} x {word}" for word, n in record["answers"].items()) + " |",
        "",
        "`still waiting`: when no job had ended for ten minutes. `twice`: two results committed, two jobs for one "
        "idempotency key, or a job that nobody was told of. The clock is set back by moving the stored times ahead; a "
        "power cut is not among the faults.",
        "",
        "| seed | commit | machine, load average | jobs | faults | waiting, lost, without files, twice | minutes |",
        "|---|---|---|---|---|---|---|",
        *map(_row, rounds),
        "",
    ]
    return "\n".join(lines)


def _each(words: Iterable[str]) -> list[str]:
    """Each once, in their order."""
    return list(dict.fromkeys(words))


def _row(each: dict[str, Any]) -> str:
    machine = f"{each['machine']['processor']}, {each['machine']['cores']} cores, {each['load_average']}"
    bad = " / ".join(str(each.get(word, 0)) for word in BAD)
    faults = sum(each["faults"].values())
    cells = (each["seed"], f"`{each['commit']}`", machine, each["jobs"], faults, bad, round(each["seconds"] / 60.0, 1))
    return f"| {' | '.join(map(str, cells))} |"


def kept(folder: Path) -> list[dict[str, Any]]:
    """Rounds of the record that is there."""
    file = folder / f"{NAME}.json"
    found: list[dict[str, Any]] = json.loads(file.read_text())["rounds"] if file.exists() else []
    return found


def commit_of(folder: Path) -> str:
    """Commit of the code that runs; with a plus where files differ from it."""
    try:
        words = ["git", "-C", str(folder), "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main() -> None:
    """Run rounds; after each the record and its table are written again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=300, help="of each round")
    parser.add_argument("--faults", type=int, default=30, help="of each round")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--add", action="store_true", help="keep the record's rounds, and go on behind their seeds")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    rounds = kept(chosen.out) if chosen.add else []
    first = max([chosen.seed, *(each["seed"] + 1 for each in rounds)])
    for seed in range(first, first + chosen.rounds):
        rounds.append(_told_round(chosen, seed))
        record = summary(rounds)
        write(chosen.out, NAME, record, render(record))


def _told_round(chosen: argparse.Namespace, seed: int) -> dict[str, Any]:
    commit = commit_of(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        found = one_round(Path(folder), chosen.jobs, chosen.faults, seed)
    machine = describe("fastapi", "celery", "redis", "sqlalchemy")
    found |= {"commit": commit, "machine": machine, "load_average": round(os.getloadavg()[0], 1)}
    print(json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    main()
