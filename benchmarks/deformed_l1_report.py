"""Table of deformed and of single L1 in ``benchmarks.registration``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import mean

from benchmarks.registration_cases import LevelError
from benchmarks.registration_run import Run, errors

_CLAIMS = ("surface_sigma_mm", "height_loss", "surprise")


def deformed_rows(runs: list[Run], lone: list[Run]) -> list[str]:
    """Deformed levels, and single L1 on a borrowed spine; flags as counts over the draws."""
    rows = ["## Deformed L1, and single L1 on the L2 to L5 of another person", ""]
    rows += [
        "| vertebra | kind | mean mm | body | posterior | Hausdorff | own sigma mm | height loss | surprise | flags |"
    ]
    rows += ["|---" * 10 + "|"]
    chosen = [run for run in runs + lone if run.condition == runs[0].condition]
    for name in dict.fromkeys(run.subject for run in chosen if run in lone or run.levels[0].deformed):
        levels = [run.levels[0] for run in chosen if run.subject == name]
        kind = "deformed" if levels[0].deformed else "normal"
        rows.append(_row(f"{name} L1", kind, levels))
    sound = [level for run in runs if run.condition == runs[0].condition for level in run.sound]
    return [*rows, _row("undeformed levels above", "normal", sound)]


def _row(name: str, kind: str, levels: Sequence[LevelError]) -> str:
    claims = [f"{mean(getattr(level, key) for level in levels):.2f}" for key in _CLAIMS]
    return "| " + " | ".join([name, kind, *errors(levels), *claims, _flags(levels)]) + " |"


def _flags(levels: Sequence[LevelError]) -> str:
    """Flags, then reasons, with how often each was given."""
    flags = Counter(level.flag for level in levels)
    reasons = Counter(f"`{reason}`" for level in levels for reason in level.reasons)
    told = [", ".join(f"{name} {count}" for name, count in group.most_common()) for group in (flags, reasons) if group]
    return ": ".join(told)
