"""Count of the tests that a machine could not run, with the reasons: the last line of a test run."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

RECORD = "LUMBAR3D_NOT_RUN"
"""Environment variable: a file that collects the reasons of several test runs, one line a test."""


def sentence(reasons: Iterable[str]) -> str:
    """One line: how many tests, and how many for each reason."""
    counts = Counter(reasons)
    if not counts:
        return "Could not run here: 0 tests."
    parts = "; ".join(f"{count} {reason}" for reason, count in counts.most_common())
    return f"Could not run here: {counts.total()} test{'s' if counts.total() > 1 else ''}: {parts}."


def main() -> None:
    """Print the line of all runs that wrote into a file."""
    record = Path(sys.argv[1])
    sys.stdout.write(sentence(record.read_text().splitlines() if record.exists() else []) + "\n")


if __name__ == "__main__":
    main()
