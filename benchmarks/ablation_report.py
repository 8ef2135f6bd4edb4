"""Tables of ``benchmarks.ablation``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.ablation_score import Score
from benchmarks.network_measure import SDR_MM
from lumbar3d.anatomy import LANDMARK_GROUPS
from lumbar3d.contracts import VIEWS
from lumbar3d.training.network.variants import VARIANTS

Rows = list[str]
FULL = "full"
IMAGE = {"dice": 3, "psnr_db": 2, "ssim": 3}
"""Figures of the decomposition image, and digits to print."""
KINDS_AND_ALL = (*LANDMARK_GROUPS, "all")
PAPER_IMAGE = {
    "full": ((0.995, 0.993), (45.8, 43.0), (0.992, 0.988)),
    "no_fusion": ((0.994, 0.992), (45.5, 42.4), (0.991, 0.987)),
    "decomposition": ((0.994, 0.992), (45.7, 42.7), (0.992, 0.988)),
}
"""Table 1 of arXiv 2503.14573: (AP, LAT) of Dice, PSNR in dB, SSIM."""
PAPER_MM = {
    "full": ((1.53, 3.02, 1.47, 4.38, 2.34), (1.67, 6.72, 2.85, 5.75, 4.03)),
    "no_fusion": ((1.53, 3.33, 1.56, 4.33, 2.45), (1.69, 7.94, 3.27, 5.77, 4.51)),
    "landmarks": ((1.61, 3.67, 1.70, 4.59, 2.65), (1.98, 8.86, 3.82, 6.23, 5.08)),
}
"""Its Table 2: AP, LAT; end plates, transverse processes, pedicles, spinous process, all."""
CONFIDENCE = 0.95


def spread(scores: dict[str, list[Score]], view: str, name: str) -> tuple[float, int]:
    """SD between trainings from different first weights, pooled over variants, and its degrees of freedom."""
    squares, freedom = 0.0, 0
    for runs in scores.values():
        values = [run[view][name] for run in runs if name in run[view]]
        if len(values) > 1:
            squares += float(np.var(values)) * len(values)
            freedom += len(values) - 1
    return (float(np.sqrt(squares / freedom)), freedom) if freedom else (float("nan"), 0)


def verdict(scores: dict[str, list[Score]], variant: str, view: str, name: str) -> str:
    """A variant's difference from the full network, and what it would have to exceed to be more than chance."""
    here, there = ([run[view][name] for run in scores[which]] for which in (variant, FULL))
    difference = float(np.mean(here) - np.mean(there))
    sd, freedom = spread(scores, view, name)
    if not freedom:
        return f"{difference:+.3f} (one training each: not judged)"
    limit = float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * sd * float(np.sqrt(1 / len(here) + 1 / len(there)))
    return f"{difference:+.3f} ({'beyond' if abs(difference) > limit else 'within'} ±{limit:.3f})"


def markdown(report: dict[str, Any]) -> str:
    """Tables 1 to 3 of the paper with its figures beside, the differences, and the conditions."""
    scores: dict[str, list[Score]] = report["scores"]
    rows = ["## Ablation: the network that reads a whole film, without fusion and with one task", ""]
    rows += _images(scores) + _landmarks(scores) + _rates(scores)
    if FULL in scores:
        rows += _differences(scores)
    return "\n".join(rows + _conditions(report)) + "\n"


def _images(scores: dict[str, list[Score]]) -> Rows:
    head = "| decomposition | view | Dice | PSNR dB | SSIM | paper |"
    rows = [head, "|---" * 6 + "|"]
    for variant, runs in _with(scores, "dice"):
        for side, view in enumerate(VIEWS):
            own = " | ".join(_value(runs, view, name, digits) for name, digits in IMAGE.items())
            paper = " / ".join(str(pair[side]) for pair in PAPER_IMAGE.get(variant, ())) or "-"
            rows.append(f"| {VARIANTS[variant].title} | {view.upper()} | {own} | {paper} |")
    return [*rows, ""]


def _landmarks(scores: dict[str, list[Score]]) -> Rows:
    rows = [f"| landmarks, mean mm | view | {' | '.join(KINDS_AND_ALL)} | paper |", "|---" * 8 + "|"]
    for variant, runs in _with(scores, "mm_all"):
        for side, view in enumerate(VIEWS):
            own = " | ".join(_value(runs, view, f"mm_{kind}", 2) for kind in KINDS_AND_ALL)
            paper = " / ".join(str(value) for value in PAPER_MM[variant][side]) if variant in PAPER_MM else "-"
            rows.append(f"| {VARIANTS[variant].title} | {view.upper()} | {own} | {paper} |")
    return [*rows, ""]


def _rates(scores: dict[str, list[Score]]) -> Rows:
    limits = [f"{limit:.0f}" for limit in SDR_MM]
    head = f"| SDR {' / '.join(limits)} mm, % | view | {' | '.join(KINDS_AND_ALL)} | beyond 20 mm, % |"
    rows = [head, "|---" * 8 + "|"]
    for variant, runs in _with(scores, "mm_all"):
        for view in VIEWS:
            cells = [
                " / ".join(f"{_mean(runs, view, f'sdr_{limit}_{kind}'):.0f}" for limit in limits)
                for kind in KINDS_AND_ALL
            ]
            gross = f"{_mean(runs, view, 'gross_all'):.1f}"
            rows.append(f"| {VARIANTS[variant].title} | {view.upper()} | {' | '.join(cells)} | {gross} |")
    return [*rows, ""]


def _differences(scores: dict[str, list[Score]]) -> Rows:
    names = {"dice": "Dice", "psnr_db": "PSNR dB", "ssim": "SSIM", "mm_all": "landmarks mm", "sdr_4_all": "SDR 4 mm, %"}
    rows = [f"| less the full network | view | {' | '.join(names.values())} |", "|---" * 7 + "|"]
    for variant, runs in scores.items():
        for view in VIEWS if variant != FULL else ():
            cells = [verdict(scores, variant, view, name) if name in runs[0][view] else "-" for name in names]
            rows.append(f"| {VARIANTS[variant].title} | {view.upper()} | {' | '.join(cells)} |")
    return [*rows, ""]


def _conditions(report: dict[str, Any]) -> Rows:
    films = 2 * report["pairs"]
    trainings = ", ".join(f"{VARIANTS[name].title} {len(runs)}" for name, runs in report["scores"].items())
    return [
        f"- each training: {films} stored simulated films, {report['epochs']} times in the same order, batches of "
        f"{report['batch']}, peak rate {report['peak_rate']}, from nothing; the weights' running average is measured",
        f"- trainings, each from its own first weights (seed 0, 1, ...): {trainings}; ± is the SD between them",
        f"- measured on {2 * report['held_out']} held-out simulated films; landmarks by this network's votes alone, no "
        "refiner, in mm at the landmark, of visible levels",
        "- differences: beyond or within what two trainings of the same network would differ by in 95 % of cases "
        "(Student's t with the SD pooled over all variants); it holds for these films and this length of training",
        "- the paper's columns: WO-FFM and single-task on its own films, fully trained; Dice / PSNR / SSIM, and "
        "end plates / transverse / pedicles / spinous / all; for scale only",
        f"- machine: {report['machine']}",
    ]


def _with(scores: dict[str, list[Score]], name: str) -> list[tuple[str, list[Score]]]:
    """Variants that have a figure."""
    return [(variant, runs) for variant, runs in scores.items() if name in runs[0][VIEWS[0]]]


def _mean(runs: Sequence[Score], view: str, name: str) -> float:
    return float(np.mean([run[view][name] for run in runs]))


def _value(runs: Sequence[Score], view: str, name: str, digits: int) -> str:
    values = [run[view][name] for run in runs]
    several = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{several}"
