"""Key table of the report: measurements that a reader asks for first, each with its standard error, norm and flag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbar3d.anatomy import SPINE
from lumbar3d.contracts import LevelResult, Measurement, ReconstructionResult

LUMBAR = (
    "lumbar_lordosis",
    "lumbar_lordosis_to_l5_superior",
    "cobb_coronal",
    "cobb_coronal_l1_l5",
    "lumbar_height",
)
PELVIC = (
    "lumbar_lordosis_to_s1",
    "lumbar_lordosis_l4_s1",
    "sacral_slope",
    "pelvic_incidence",
    "pelvic_tilt",
    "pelvic_incidence_less_lordosis",
)
VERTEBRA = (
    "body_height_anterior",
    "body_height_middle",
    "body_height_posterior",
    "body_wedge_sagittal",
    "axial_rotation",
)
SEGMENT = (
    "disc_height_middle",
    "disc_angle_sagittal",
    "segmental_lordosis",
    "slip_sagittal",
    "slip_lateral",
    "axial_rotation_intervertebral",
)
UNITS = {"mm": "mm", "deg": "°", "%": "%", "cm3": "cm³", "mm2": "mm²"}
DECIMALS = {"mm2": 0}
FLAGS = {"ok": "", "model_based": "model", "low_confidence": "unsure"}
LEVEL_QUALITY = {"ok": "good", "review": "review", "bad": "poor"}
MISSING = "none"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Cell:
    """One number as it is printed.

    Attributes
    ----------
    value : str
        With its standard error where one is stated.
    mark : str
        "high", "low", "borderline" or nothing, and the flag.
    below : str
        Norm and the number of its source.
    stands_out : bool
        Whether the mark is in colour: outside a norm that is not weak, and measured without doubt.
    """

    value: str
    mark: str = ""
    below: str = ""
    stands_out: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under a heading each; the first heading is that of the rows' names."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def tables_of(result: ReconstructionResult) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Alignment, S1, vertebrae and segments, without those of which nothing was measured; sources of the norms."""
    sources: list[str] = []
    found = {(each.code, each.target): each for each in result.measurements}
    levels = {each.level: each for each in result.levels}
    segments = sorted({target for code, target in found if code in SEGMENT}, key=_place)
    tables = []
    for title, row, codes in (("Alignment", "lumbar", LUMBAR), ("Against S1", "pelvis", PELVIC)):
        wholes = [each for code in codes for each in result.measurements if each.code == code]
        if wholes:
            heads = (title, *(_titled(_name(each), each.unit) for each in wholes))
            tables.append(Table(heads, ((row, tuple(_cell(each, sources) for each in wholes)),)))
    if levels:
        rows = [(level, (*_cells(VERTEBRA, level, found, sources), _quality(each))) for level, each in levels.items()]
        tables.append(Table(("Vertebra", *_heads(VERTEBRA, found), "Quality and surface error"), tuple(rows)))
    if segments:
        rows = [(target, _cells(SEGMENT, target, found, sources)) for target in segments]
        tables.append(Table(("Segment", *_heads(SEGMENT, found)), tuple(rows)))
    return tuple(tables), tuple(sources)


def number(value: float, unit: str) -> str:
    """A true minus sign, and no negative zero."""
    text = f"{value:.{DECIMALS.get(unit, 1)}f}"
    return text.replace("-", MINUS if float(text) else "")


def standing(measurement: Measurement) -> str:
    """Where a value stands against its norm: "high", "low", "borderline", or empty where inside or not known."""
    if measurement.standing == "outside" and measurement.norm is not None:
        return "high" if measurement.value > measurement.norm.mean else "low"
    return "borderline" if measurement.standing == "borderline" else ""


def _place(target: str) -> int:
    return SPINE.index(target.split("/")[0])


def _name(measurement: Measurement) -> str:
    """The largest Cobb angle is of a span of its own, which its name does not say."""
    name = measurement.name
    return name if measurement.code != "cobb_coronal" else f"{name} ({measurement.target})"


def _titled(name: str, unit: str) -> str:
    """The unit is never alone on a line."""
    return f"{name},\N{NO-BREAK SPACE}{UNITS[unit]}"


def _heads(codes: Sequence[str], found: dict[tuple[str, str], Measurement]) -> list[str]:
    names = {code: _titled(each.name, each.unit) for (code, _), each in found.items()}
    return [names.get(code, code.replace("_", " ")) for code in codes]


def _cells(
    codes: Sequence[str], target: str, found: dict[tuple[str, str], Measurement], sources: list[str]
) -> tuple[Cell, ...]:
    members = (found.get((code, target)) for code in codes)
    return tuple(Cell(MISSING) if each is None else _cell(each, sources) for each in members)


def _cell(measurement: Measurement, sources: list[str]) -> Cell:
    unit, norm, state = measurement.unit, measurement.norm, standing(measurement)
    error = "" if measurement.sigma is None else f" ± {number(measurement.sigma, unit)}"
    below = "no norm"
    if norm is not None:
        whom = {"female": ", of women", "male": ", of men", None: ""}[norm.sex]
        source = f"{norm.source}{whom} ({norm.evidence})"
        if source not in sources:
            sources.append(source)
        below = f"norm {number(norm.mean, unit)} ± {number(norm.sd, unit)} [{sources.index(source) + 1}]"
    return Cell(
        number(measurement.value, unit) + error,
        " ".join(filter(None, (state, FLAGS[measurement.flag]))),
        below,
        measurement.stands_out,
    )


def _quality(level: LevelResult) -> Cell:
    sigma = level.quality.surface_sigma_mm
    error = "none stated" if sigma is None else f"{number(sigma, 'mm')} mm"
    return Cell(LEVEL_QUALITY[level.quality.flag], "", error, level.quality.flag != "ok")
