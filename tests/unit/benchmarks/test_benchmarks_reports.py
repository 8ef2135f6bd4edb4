"""Tables of the benchmarks count and average what they say they do."""

from __future__ import annotations

import numpy as np

from benchmarks import deformity_report, registration_report
from benchmarks.deformed_l1_report import deformed_rows
from benchmarks.deformity_report import DeformityRow
from benchmarks.real_vertebrae import DEFORMED, SINGLE, SOUND, RegionError
from benchmarks.regions import REGIONS
from benchmarks.registration_cases import LevelError
from benchmarks.registration_run import BOBYQA, GAUSS_NEWTON, Run, errors
from benchmarks.shape_model_report import LevelFit, report
from lumbar3d.anatomy import LEVELS


def cells(rows: list[str], first: str) -> list[str]:
    """Cells of the last row whose first cell begins so."""
    row = [row for row in rows if row.startswith(f"| {first}")][-1]
    return [cell.strip() for cell in row.strip("|").split("|")]


def level_error(level: str, mean_mm: float, **changes: object) -> LevelError:
    fields = {"deformed": False, "body_mm": 0.4, "posterior_mm": 0.6, "hausdorff_mm": 4.0, "surface_sigma_mm": 0.5}
    return LevelError(level=level, mean_mm=mean_mm, dice=0.99, **(fields | changes))  # type: ignore[arg-type]


def run(label: str, subject: str, wall_s: float, first: LevelError | None = None) -> Run:
    levels = [level_error(level, 0.1 * row + 0.5) for row, level in enumerate(LEVELS)]
    levels[0] = first or levels[0]
    return Run(label, "as the design", subject, 0, 14, wall_s, 2 * wall_s, 100, (0.99, 0.98), tuple(levels))


def test_a_deformed_level_is_in_no_mean_of_the_registration() -> None:
    crushed = run(GAUSS_NEWTON, "a", 1.0, level_error("L1", 9.0, deformed=True))
    assert errors(crushed.sound)[0] == "0.75"
    summary = registration_report._summary([crushed])
    assert cells(summary, GAUSS_NEWTON)[4] == "0.75"
    by_level = registration_report._levels([crushed, run(GAUSS_NEWTON, "b", 1.0)], [])
    assert cells(by_level, GAUSS_NEWTON)[2:5] == ["0.50", "0.60", "0.70"]


def test_speeds_are_ratios_to_the_fit_of_the_same_run() -> None:
    timed = [run(GAUSS_NEWTON, name, wall) for name, wall in (("a", 0.4), ("b", 0.5), ("c", 0.6))]
    timed += [run(f"{BOBYQA}, to its own stop", name, wall) for name, wall in (("a", 20.0), ("b", 40.0), ("c", 50.0))]
    rows = registration_report._speed(timed)
    assert cells(rows, GAUSS_NEWTON + " |")[-1] == "1.0"
    assert cells(rows, BOBYQA)[-3:] == ["40.00", "80.00", "80.0"]


def test_flags_of_a_deformed_level_are_counted_over_the_draws() -> None:
    told = [
        level_error("L1", 1.0, deformed=True, flag="bad", reasons=("deformed_bad", "uncertainty_review")),
        level_error("L1", 0.8, deformed=True, flag="review", reasons=("uncertainty_review",)),
    ]
    rows = deformed_rows([run(GAUSS_NEWTON, "a", 1.0)], [run(GAUSS_NEWTON, "x", 1.0, level) for level in told])
    found = cells(rows, "x L1")
    assert found[1:3] == ["deformed", "0.90"]
    assert found[-1] == "bad 1, review 1: `uncertainty_review` 2, `deformed_bad` 1"


def judged(grade: int, reasons: tuple[str, ...], beside: bool = False) -> DeformityRow:
    kind, flag = "wedge" if grade else "none", "bad" if reasons else "ok"
    asked, found = (0.95, ("wedge", 3)) if "deformed_bad" in reasons else (None, None)
    return DeformityRow("L1", kind, grade, beside, 0.6, 0.8, asked, found, 0.1, 0.9, 0.5, flag, reasons)


def test_alarms_are_counted_by_spine_and_by_group() -> None:
    spines = [
        [judged(0, ()), judged(0, ("deformed_review",))],
        [judged(0, ()), judged(0, ())],
        [judged(2, ("deformed_bad", "unlike_neighbours_review")), judged(0, (), beside=True)],
        [judged(2, ("uncertainty_bad",)), judged(0, (), beside=True)],
    ]
    text = deformity_report.report(spines, {}).splitlines()
    assert cells(text, "healthy, healthy spine")[6:9] == ["1 / 0", "0 / 0", "1"]
    assert cells(text, "wedge, grade 2")[1:4] == ["2", "0.80 / 0.60", "1 / 1 / 1 / 0"]
    assert cells(text, "wedge, grade 2")[6:] == ["0 / 1", "1 / 0", "1", "2"]
    assert "false alarm of either reason: 1 of 2, `bad`: 0" in "\n".join(text)


def fitted(person: str, level: str, kind: str, assd_mm: float) -> LevelFit:
    regions = {name: RegionError(assd_mm + 0.01 * row, 2 * assd_mm, -0.1) for row, name in enumerate(REGIONS)}
    return LevelFit(person, level, kind, assd_mm, 1.0, 0.3, 0.3, 1.2, regions)


def test_each_kind_of_vertebra_has_its_own_mean() -> None:
    fits = [
        fitted("a", "L1", SOUND, 0.3),
        fitted("a", "L2", SOUND, 0.5),
        fitted("b", "L1", SINGLE, 0.6),
        fitted("c", "L1", DEFORMED, 0.9),
    ]
    text = report(fits).splitlines()
    assert cells(text, "all 2")[3] == "0.40"
    found = cells(text, "canal")
    assert found[1:4] == ["0.43 / 0.80 / -0.10", "0.63 / 1.20 / -0.10", "0.93 / 1.80 / -0.10"]
    assert found[4] == "a L2: 0.53"
    assert len({len(row.split("|")) for row in text if row.startswith("| a | L1")}) == 2
    assert np.isclose(fits[0].regions["endplates"].mean_mm, 0.3)
