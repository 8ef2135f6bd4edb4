"""Tables of ``benchmarks.shape_model``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean

from benchmarks.real_vertebrae import DEFORMED, SINGLE, SOUND, RegionError
from benchmarks.regions import REGIONS

NOTE = """The people are few. No shape of theirs is in the model; side coupling, body amplitude and process bending
come from published standard deviations, but lengths and SDs of the Gaussian process were taken from an earlier study
that saw verse004 and verse005: the figures are mildly optimistic. Coefficients above 1 SD RMS say that real detail is a
little richer than the prior. Surfaces of the VerSe people come from masks and carry up to 0.5 mm of staircase."""


@dataclass(frozen=True)
class LevelFit:
    """One vertebra; distances in mm.

    ``assd_mm`` and ``hd95_mm`` are symmetric; ``body_mm`` and ``posterior_mm`` are means of the fitted vertices of that
    patch to the true surface; ``coefficient_rms_sd`` is 1 where the prior's spread is right.
    """

    person: str
    level: str
    kind: str
    assd_mm: float
    hd95_mm: float
    body_mm: float
    posterior_mm: float
    coefficient_rms_sd: float
    regions: dict[str, RegionError]


def report(fits: list[LevelFit]) -> str:
    """All tables in Markdown."""
    return "\n".join([*_vertebrae(fits), "", *_by_region(fits), "", *_every_region(fits), "", NOTE, ""])


def _vertebrae(fits: list[LevelFit]) -> list[str]:
    """One row per vertebra, then means over the sound ones by level and by person, then over each kind."""
    rows = [
        "## 3D fit of the shape model to real vertebrae",
        "",
        "| person | level | kind | mean symmetric mm | 95th percentile | body | posterior | coefficients, RMS SD |",
        "|---" * 8 + "|",
    ]
    rows += [_row((fit.person, fit.level, fit.kind), [fit]) for fit in fits]
    sound = _of(fits, SOUND)
    for level in sorted({fit.level for fit in sound}):
        rows.append(_row(("all", level, SOUND), [fit for fit in sound if fit.level == level]))
    for name in dict.fromkeys(fit.person for fit in sound):
        rows.append(_row((name, "all", SOUND), [fit for fit in sound if fit.person == name]))
    rows += [_row((f"all {len(_of(fits, kind))}", "", f"**{kind}**"), _of(fits, kind)) for kind in _kinds(fits)]
    return rows


def _row(names: tuple[str, str, str], fits: list[LevelFit]) -> str:
    figures = ("assd_mm", "hd95_mm", "body_mm", "posterior_mm", "coefficient_rms_sd")
    cells = [*names, *(f"{mean(getattr(fit, key) for fit in fits):.2f}" for key in figures)]
    return "| " + " | ".join(cells) + " |"


def _by_region(fits: list[LevelFit]) -> list[str]:
    """Means over the vertebrae of a kind: symmetric distance / 95th percentile / how far the truth lies outside."""
    kinds = [kind for kind in (SOUND, SINGLE, DEFORMED) if _of(fits, kind)]
    rows = [
        "## By region",
        "",
        "Mean symmetric distance / 95th percentile / mean signed distance of the truth (+: outside the fit), mm.",
        "",
        "| region | " + " | ".join(f"{kind} ({len(_of(fits, kind))})" for kind in kinds) + " | worst sound vertebra |",
        "|---" * (len(kinds) + 2) + "|",
    ]
    for region in REGIONS:
        cells = [region]
        for kind in kinds:
            errors = [fit.regions[region] for fit in _of(fits, kind)]
            figures = (_mean(errors, "mean_mm"), _mean(errors, "p95_mm"), _mean(errors, "outside_mm"))
            cells.append("{:.2f} / {:.2f} / {:+.2f}".format(*figures))
        sound = sorted(_of(fits, SOUND), key=lambda fit: fit.regions[region].mean_mm)
        cells.append("".join(f"{fit.person} {fit.level}: {fit.regions[region].mean_mm:.2f}" for fit in sound[-1:]))
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def _every_region(fits: list[LevelFit]) -> list[str]:
    rows = [
        "## By region, every vertebra",
        "",
        "Mean symmetric distance / 95th percentile, mm.",
        "",
        "| person | level | kind | " + " | ".join(REGIONS) + " |",
        "|---" * (len(REGIONS) + 3) + "|",
    ]
    for fit in fits:
        errors = [f"{fit.regions[name].mean_mm:.2f} / {fit.regions[name].p95_mm:.2f}" for name in REGIONS]
        rows.append("| " + " | ".join([fit.person, fit.level, fit.kind, *errors]) + " |")
    return rows


def _kinds(fits: list[LevelFit]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fit.kind for fit in fits))


def _of(fits: list[LevelFit], kind: str) -> list[LevelFit]:
    return [fit for fit in fits if fit.kind == kind]


def _mean(errors: Iterable[RegionError], key: str) -> float:
    return float(mean(getattr(error, key) for error in errors))
