"""Tables of ``benchmarks.network_refusal``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.decode import MARKS

NAMES = (*LEVELS, *MARKS)


class Seen(Protocol):
    """Outcome that limits are chosen from: ``network_refusal.PairOutcome``."""

    @property
    def sightings(self) -> Array:
        """Confidence of every level and mark, of AP and LAT."""
        ...

    @property
    def novelty(self) -> Array:
        """Of AP and LAT."""
        ...

    @property
    def count(self) -> int:
        """Lumbar vertebrae that both views together speak for."""
        ...

    @property
    def count_probability(self) -> float:
        """Of that count."""
        ...

    @property
    def names(self) -> Array:
        """Probability of the names, by the worse view and by both."""
        ...


def markdown(report: dict[str, Any]) -> str:
    """The report as tables and its conditions."""
    rows = ["## What is refused, on held-out simulated films", ""]
    rows += ["| films | pairs | refused | right answer or reason | codes | novelty: AUROC |", "|---" * 6 + "|"]
    for kind, found in report["kinds"].items():
        codes = ", ".join(f"{code} {count}" for code, count in found["codes"].items())
        area = "" if found["auroc"] is None or kind == "five" else f"{found['auroc']:.2f}"
        rows.append(f"| {kind} | {found['pairs']} | {found['refused']} | {found['right']} | {codes} | {area} |")
    said = ("4", "5", "6")
    rows += ["", "| lumbar vertebrae | " + " | ".join(f"said {count}" for count in said) + " |", "|---" * 4 + "|"]
    for kind, counts in report["counts"].items():
        rows.append(f"| {kind} | " + " | ".join(str(counts.get(count, 0)) for count in said) + " |")
    rows += ["", f"- data: {report['data']}", f"- machine: {report['machine']}"]
    rows += [f"- {name}: {sha256[:12]}" for name, sha256 in report["assets"].items()]
    rows += ["- right: answered, or refused with the right code and, where it can be said, what is wrong with the film"]
    rows += ["- AUROC: share of pairs of a wrong and a true pair of films in which the larger of its two novelties is"]
    rows += ["  larger for the wrong one"]
    return "\n".join(rows) + "\n"


def choices(found: Mapping[str, Sequence[Seen]]) -> str:
    """Table that the limits of ``refusal.constants`` are chosen from."""
    rows = ["worse view of a pair: confidence of the weakest level, mean confidence, novelty (min / median / max);"]
    rows += ["probability of the count 5 where it is the likeliest; of the names, in the worse view and by both;"]
    rows += ["confidence of each name in AP, LAT (5 % / median / 95 %)", ""]
    for kind, told in found.items():
        seen, strange = np.stack([one.sightings for one in told]), np.stack([one.novelty for one in told])
        least, mean = seen[..., : len(LEVELS)].min(axis=-1), seen[..., : len(LEVELS)].mean(axis=-1)
        parts = [_three(least.min(axis=1)), _three(mean.min(axis=1)), _three(strange.max(axis=1))]
        five = np.array([one.count_probability for one in told if one.count == len(LEVELS)])
        names = np.stack([one.names for one in told])
        rows.append(
            f"{kind:22s} weakest {parts[0]}  mean {parts[1]}  novelty {parts[2]}  five {_three(five)}"
            f"  names {_three(names[:, :2].min(axis=1))}, {_three(names[:, 2])}"
        )
        if kind in ("five", "five, second renderer", "four", "six"):
            for k, view in enumerate(VIEWS):
                sure = zip(NAMES, np.quantile(seen[:, k], [0.05, 0.5, 0.95], axis=0).T, strict=True)
                rows.append(f"  {view:4s}" + "  ".join(f"{n} {a:.2f}/{b:.2f}/{c:.2f}" for n, (a, b, c) in sure))
    return "\n".join(rows)


def _three(values: Array) -> str:
    if values.size == 0:
        return "-"
    return f"{values.min():.2f}/{np.median(values):.2f}/{values.max():.2f}"
