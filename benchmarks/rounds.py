"""Rounds of a long measurement, each kept when it is done, so that a run can be taken up again."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """How many rounds there are, their seeds, and where they are kept; ``name`` is what a round is called."""
    parser.add_argument(f"--{name}s", type=int, default=1, dest="rounds")
    parser.add_argument("--seed", type=int, default=0, help=f"of the first {name}")
    parser.add_argument("--work", type=Path, help=f"folder of finished {name}s, to take a run up again")


def run(chosen: argparse.Namespace, sizes: str, one: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of all rounds; those that ``--work`` has of these sizes are not run again.

    Parameters
    ----------
    chosen : argparse.Namespace
        With what ``add_arguments`` has added.
    sizes : str
        Options that make a round what it is.
    one : callable
        Given a seed.
    """
    return [_kept(chosen.work, sizes, seed, one) for seed in range(chosen.seed, chosen.seed + chosen.rounds)]


def _kept(work: Path | None, sizes: str, seed: int, one: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    if work is None:
        return one(seed)
    file = work / f"{sizes.replace('--', '').replace(' ', '-')}-{seed}.json"
    if not file.exists():
        found = one(seed)
        work.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
    kept: dict[str, Any] = json.loads(file.read_text())
    return kept
