"""Run of one reconstruction of a known person, as ``benchmarks.registration`` records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from benchmarks.registration_cases import LevelError, RegistrationCase

GAUSS_NEWTON, PAPER_SIZED, INITIAL, BOBYQA = "Gauss-Newton", "Gauss-Newton, 14 modes", "initial pose", "BOBYQA"


@dataclass(frozen=True)
class Run:
    """One reconstruction of five vertebrae; ``modes`` are in play at every level."""

    label: str
    condition: str
    subject: str
    draw: int
    modes: int
    wall_s: float
    cpu_s: float
    evaluations: int
    made_dice: tuple[float, ...]
    levels: tuple[LevelError, ...]

    @classmethod
    def of(
        cls,
        label: str,
        case: RegistrationCase,
        modes: int,
        evaluations: int,
        seconds: tuple[float, float],
        levels: tuple[LevelError, ...],
    ) -> Run:
        """Of a case; ``seconds`` are wall and CPU time."""
        dice = tuple(case.simulated.dice.mean(0).tolist())
        names = (label, case.condition, case.subject.name, case.draw, modes)
        return cls(*names, *seconds, evaluations=evaluations, made_dice=dice, levels=levels)

    @property
    def sound(self) -> list[LevelError]:
        """Undeformed levels."""
        return [level for level in self.levels if not level.deformed]


def errors(levels: Sequence[LevelError]) -> list[str]:
    """Mean, body, posterior and Hausdorff."""
    cells = [f"{mean(getattr(level, key) for level in levels):.2f}" for key in ("mean_mm", "body_mm", "posterior_mm")]
    return [*cells, f"{mean(level.hausdorff_mm for level in levels):.1f}"]
