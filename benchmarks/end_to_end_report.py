"""Tables of ``benchmarks.end_to_end``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.registration_cases import LevelError

AS_FOUND, TRUE_LANDMARKS, TRUE_DECOMPOSITION = "as found", "true landmarks", "true decomposition"
BOTH_TRUE, TRUE_START, IN_3D = "both true", "both true, from the true start", "shape model in 3D"
PARTS = {
    "network: decomposition": (AS_FOUND, TRUE_DECOMPOSITION),
    "network: landmarks": (TRUE_DECOMPOSITION, BOTH_TRUE),
    "optimiser: where it starts": (BOTH_TRUE, TRUE_START),
    "two views and the prior": (TRUE_START, IN_3D),
    "shape model": (IN_3D,),
}
"""What the error is made of: one row of the first table minus the next, so that the parts add up."""
MEANS = ("mean_mm", "body_mm", "posterior_mm")
HEADER = "| images and landmarks | person | mean mm | median | body | posterior | Hausdorff |"


@dataclass(frozen=True)
class EndToEndCase:
    """One person, one exposure, one variant.

    ``landmark_mm`` is the mean landmark distance per view, at the isocentre.
    """

    subject: str
    draw: int
    swap: str
    levels: tuple[LevelError, ...]
    landmark_mm: tuple[float, float]
    timings_s: dict[str, float]


def write(cases: Sequence[EndToEndCase], record: dict[str, Any], path: Path) -> None:
    """Print and keep the tables."""
    tables = (_errors(cases), _shares(cases), _levels(cases), _stages(cases), _notes(record))
    text = "\n\n".join("\n".join(table) for table in tables) + "\n"
    print(text)
    path.write_text(text)


def _errors(cases: Sequence[EndToEndCase]) -> list[str]:
    rows = ["## Surface error, undeformed vertebrae", "", HEADER, "|---" * 7 + "|"]
    for swap in dict.fromkeys(case.swap for case in cases):
        for person in (*dict.fromkeys(case.subject for case in cases), "all"):
            chosen = [case for case in cases if case.swap == swap and person in (case.subject, "all")]
            levels = [level for case in chosen for level in case.levels if not level.deformed]
            means = [level.mean_mm for level in levels]
            cells = [swap, person, f"{mean(means):.2f}", f"{median(means):.2f}"]
            cells += [f"{mean(getattr(level, field) for level in levels):.2f}" for field in ("body_mm", "posterior_mm")]
            rows.append("| " + " | ".join([*cells, f"{mean(level.hausdorff_mm for level in levels):.1f}"]) + " |")
    return rows


def _shares(cases: Sequence[EndToEndCase]) -> list[str]:
    """The error as found, part by part."""
    rows = ["## Where the error comes from", "", "| part | mean mm | share, % | body | posterior |", "|---" * 5 + "|"]
    whole = _means(cases, AS_FOUND)
    for part, (first, *then) in PARTS.items():
        left = [_means(cases, name) for name in then] or [[0.0] * len(MEANS)]
        millimetres = [a - b for a, b in zip(_means(cases, first), left[0], strict=True)]
        rows.append(_share_row(part, millimetres, whole[0]))
    return [*rows, _share_row("all: as found", whole, whole[0])]


def _share_row(part: str, millimetres: Sequence[float], whole_mm: float) -> str:
    mean_mm, *others = (f"{value:.2f}" for value in millimetres)
    return f"| {part} | {mean_mm} | {100.0 * millimetres[0] / whole_mm:.0f} | {' | '.join(others)} |"


def _means(cases: Sequence[EndToEndCase], swap: str) -> list[float]:
    """``MEANS`` over the undeformed vertebrae of one variant."""
    levels = [level for case in cases if case.swap == swap for level in case.levels if not level.deformed]
    return [mean(getattr(level, field) for level in levels) for field in MEANS]


def _levels(cases: Sequence[EndToEndCase]) -> list[str]:
    """As found, per level."""
    rows = ["## By level, as found", "", "| level | mean mm | worst mm | own sigma mm |", "|---|---|---|---|"]
    found = [case for case in cases if case.swap == cases[0].swap]
    for index, name in enumerate(level.level for level in cases[0].levels):
        levels = [case.levels[index] for case in found if not case.levels[index].deformed]
        errors = [level.mean_mm for level in levels]
        sigma = mean(level.surface_sigma_mm for level in levels)
        rows.append(f"| {name} | {mean(errors):.2f} | {max(errors):.2f} | {sigma:.2f} |")
    return rows


def _stages(cases: Sequence[EndToEndCase]) -> list[str]:
    found = [case for case in cases if case.swap == cases[0].swap]
    rows = [
        "## Landmarks and time",
        "",
        "| person | landmarks AP / LAT, mm | seconds by stage (median) |",
        "|---|---|---|",
    ]
    for person in dict.fromkeys(case.subject for case in found):
        mine = [case for case in found if case.subject == person]
        landmarks = " / ".join(f"{mean(case.landmark_mm[view] for case in mine):.2f}" for view in (0, 1))
        stages = {name: median(case.timings_s[name] for case in mine) for name in mine[0].timings_s}
        rows.append(
            f"| {person} | {landmarks} | {', '.join(f'{name} {value:.2f}' for name, value in stages.items())} |"
        )
    return rows


def _notes(record: dict[str, Any]) -> list[str]:
    return [
        "Simulated films (voxel renderer, 1024 x 1024 PNG) of real vertebrae; three people, so figures are per person,",
        "not a population. Distances: reconstruction's vertices to the true surface, mean over vertices, then over",
        "vertebrae and exposures; Hausdorff symmetric. Landmarks: mean over 35 per view, at the landmark's depth.",
        "Deformed, left out: L1 of verse004.",
        "Parts are differences between rows of the first table: the network's, what swapping the truth in gains, first",
        "the decomposition; the optimiser's, what starting at the model fitted to the true surface gains over starting",
        "at true landmarks; that of two views and the prior, what this leaves beyond that 3D fit, which is the shape",
        "model's own part.",
        "",
        *(f"- {name}: {value}" for name, value in record.items()),
    ]
