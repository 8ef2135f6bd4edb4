"""Tables of ``benchmarks.deformity``."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean
from typing import Any

REASONS = ("deformed", "unlike_neighbours")


@dataclass(frozen=True)
class DeformityRow:
    """One fitted vertebra: what it is, how wrong it came out, what the flags say.

    ``grade`` is Genant's of the simulated fracture, 0 without; ``beside_fracture``: healthy, on a spine with one;
    ``sound_error_mm``: with sound models alone; ``fracture_probability``: None where it was not asked; ``found``:
    kind and grade where it was fitted as broken.
    """

    level: str
    kind: str
    grade: int
    beside_fracture: bool
    error_mm: float
    sound_error_mm: float
    fracture_probability: float | None
    found: tuple[str | None, int | None] | None
    height_loss: float
    surprise: float
    shape_rms_sd: float
    flag: str
    reasons: tuple[str, ...]

    def says(self, reason: str, degree: str = "") -> bool:
        """Whether a reason is given, in any or in this degree."""
        return any(found.startswith(reason) and found.endswith(degree) for found in self.reasons)


def report(spines: list[list[DeformityRow]], record: dict[str, Any]) -> str:
    """All tables in Markdown."""
    levels = [level for spine in spines for level in spine]
    healthy = [spine for spine in spines if not any(level.grade or level.beside_fracture for level in spine)]
    groups = {
        "healthy, healthy spine": [level for spine in healthy for level in spine],
        "healthy, beside a fracture": [level for level in levels if level.beside_fracture],
    }
    for kind in sorted({level.kind for level in levels} - {"none"}):
        for grade in sorted({level.grade for level in levels if level.kind == kind}):
            groups[f"{kind}, grade {grade}"] = [level for level in levels if (level.kind, level.grade) == (kind, grade)]
    groups["all fractures, grade 2 and 3"] = [level for level in levels if level.grade >= 2]
    rows = [
        "## Deformed vertebrae on simulated people",
        "",
        "| vertebrae | number | error mm: sound models / with fractures | asked / fitted broken / kind right / grade "
        "right | height loss seen | surprise | deformed: review / bad | unlike neighbours: review / bad | either "
        "reason | flag bad |",
        "|---" * 10 + "|",
        *(_row(name, group) for name, group in groups.items() if group),
        "",
        f"- healthy spines with a false alarm of either reason: {_alarms(healthy, '')} of {len(healthy)}, "
        f"`bad`: {_alarms(healthy, 'bad')}",
        "- error: mean distance of the fit mesh's vertices to the true surface; height loss: largest of the three,",
        "  less one standard error, mean over the group; surprise: `Registration.neighbour_surprise`.",
        *(f"- {name}: {value}" for name, value in record.items()),
    ]
    return "\n".join(rows) + "\n"


def _row(name: str, group: list[DeformityRow]) -> str:
    degrees = [
        " / ".join(f"{sum(level.says(reason, degree) for level in group)}" for degree in ("review", "bad"))
        for reason in REASONS
    ]
    either = sum(any(level.says(reason) for reason in REASONS) for level in group)
    cells = [
        name,
        str(len(group)),
        f"{mean(level.sound_error_mm for level in group):.2f} / {mean(level.error_mm for level in group):.2f}",
        " / ".join(str(number) for number in _fitted_broken(group)),
        f"{mean(level.height_loss for level in group):+.2f}",
        f"{mean(level.surprise for level in group):.2f}",
        *degrees,
        str(either),
        str(sum(level.flag == "bad" for level in group)),
    ]
    return "| " + " | ".join(cells) + " |"


def _fitted_broken(group: list[DeformityRow]) -> tuple[int, int, int, int]:
    """How many were asked, how many fitted as broken, how many of these with the right kind, with the right grade."""
    asked = sum(level.fracture_probability is not None for level in group)
    told = [(level, level.found) for level in group if level.found is not None]
    kinds = sum(found[0] == level.kind for level, found in told)
    return asked, len(told), kinds, sum(found[1] == level.grade for level, found in told)


def _alarms(spines: list[list[DeformityRow]], degree: str) -> int:
    return sum(any(level.says(reason, degree) for level in spine for reason in REASONS) for spine in spines)
