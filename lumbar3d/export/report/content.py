"""Content of the report: what stands on the page, in words and numbers as they are printed, whatever prints it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from lumbar3d.artifacts import IMAGE, OVERLAY, RESULT, SCENE
from lumbar3d.contracts import VIEWS, LevelResult, ReconstructionResult, Review
from lumbar3d.export.report.film import Film, film_of
from lumbar3d.export.report.rendering import spine_picture
from lumbar3d.export.report.tables import Table, tables_of
from lumbar3d.export.result_reader import read_result
from lumbar3d.export.scene_reader import read_scene
from lumbar3d.notes import HIPS_PLACED, NO_PELVIS, NO_SACRUM, NOTES, REASONS

TITLE = "Lumbar spine in 3D from two radiographs"
LEGEND = (
    "Numbers: value ± one standard error of this measurement; below it the norm, mean ± SD of adults, and the number "
    "of its source. high, low: outside mean ± 2 SD by more than two standard errors, in colour where the norm is not "
    "weak and the value not doubtful; borderline: neither that nor inside by more than one. model: mostly from the "
    "shape model; unsure: on a vertebra that fits the images poorly."
)
QUALITY = {
    "ok": ("Good", "the images support this reconstruction"),
    "review": ("Review", "usable, but a person should look at it first"),
    "bad": ("Poor", "do not rely on this reconstruction"),
}
FILM = {"ap": "AP radiograph", "lat": "Lateral radiograph"}
MODEL = "Fitted vertebrae, seen from the front and left"
DRAFT = "draft, not signed"
SHORT_HASH = 12


@dataclass(frozen=True)
class Heading:
    """Of whom and of what a report is, as far as whoever makes it knows.

    Attributes
    ----------
    job : str
        Empty where no service made the result.
    made : str
        When the reconstruction ended.
    reference : str
        The caller's own name for it.
    patient : tuple of (str, str)
        Lines that name the patient: only for files that stay with the study.
    review : str
        Who signed, in words.
    revision : int
        Which one of the examination; 1 is what the engine gave.
    """

    job: str = ""
    made: str = ""
    reference: str = ""
    patient: tuple[tuple[str, str], ...] = ()
    review: str = DRAFT
    revision: int = 1


@dataclass(frozen=True)
class Report:
    """Everything that is printed, in order.

    Attributes
    ----------
    title : str
    facts : tuple of (str, str)
        Name and value: patient, reference, job, time.
    quality : (str, str)
        Of the whole: a word and what it means.
    films : tuple of Film
    spine : bytes
        PNG.
    tables : tuple of Table
    legend : str
    sources : tuple of str
        Of the norms; their numbers begin with 1.
    remarks : tuple of str
        Notes and reasons.
    review, provenance, intended_use : str
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    quality: tuple[str, str]
    films: tuple[Film, ...]
    spine: bytes = field(repr=False)
    tables: tuple[Table, ...]
    legend: str
    sources: tuple[str, ...]
    remarks: tuple[str, ...]
    review: str
    provenance: str
    intended_use: str
    spine_title: str = MODEL

    @property
    def sources_line(self) -> str:
        """The sources in one line, each behind its number."""
        return (
            "Norms and their evidence: "
            + "; ".join(f"[{row}] {source}" for row, source in enumerate(self.sources, start=1))
            + "."
        )

    @property
    def endings(self) -> tuple[tuple[str, str], ...]:
        """What stands at the foot, by name."""
        return ("Signed", self.review), ("Made by", self.provenance), ("Intended use", self.intended_use)


def signed(review: Review | None) -> str:
    """Who signed, in words; a draft where nobody did."""
    if review is None or review.state == "draft":
        return DRAFT
    at, reason = f", {review.at}" if review.at else "", f": {review.reason}" if review.reason else ""
    return f"{review.state} by {review.name or review.by}{at}{reason}"


def report_of(read: Callable[[str], bytes], heading: Heading) -> Report:
    """The report of a result.

    Parameters
    ----------
    read : callable
        Gives a stored file of the result by its name.
    heading : Heading
    """
    result = read_result(read(RESULT.file))
    drawn = json.loads(read(OVERLAY.file))["views"]
    tables, sources = tables_of(result)
    return Report(
        title=TITLE,
        facts=_facts(heading),
        quality=QUALITY[result.quality],
        films=tuple(film_of(view, FILM[view], read(IMAGE.name(view)), drawn[view], result) for view in VIEWS),
        spine=spine_picture(read_scene(read(SCENE.file))),
        tables=tables,
        legend=LEGEND,
        sources=sources,
        remarks=_remarks(result),
        review=heading.review,
        provenance=_provenance(result),
        intended_use=f"{result.intended_use} The networks were trained on simulated images.",
    )


def _facts(heading: Heading) -> tuple[tuple[str, str], ...]:
    told = (*heading.patient, ("Reference", heading.reference), ("Reconstructed", heading.made), ("Job", heading.job))
    told = (*told, ("Revision", str(heading.revision) if heading.revision > 1 else ""))
    return tuple((name, value) for name, value in told if value)


def _remarks(result: ReconstructionResult) -> tuple[str, ...]:
    """Notes on the pair and on each film, then what speaks against single levels."""
    notes = [_note(code) for code in result.notes]
    if result.sacrum is not None and result.sacrum.absent:
        notes.append(f"S1 is not measured: {NO_SACRUM[result.sacrum.absent]}.")
    if result.sacrum is not None and result.sacrum.hips:
        why = result.sacrum.pelvis
        notes.append(f"Pelvic incidence is not given: {NO_PELVIS[why]}." if why else HIPS_PLACED)
    return (*notes, *(f"{each.level}: {_reasons(each)}." for each in result.levels if each.quality.reasons))


def _note(code: str) -> str:
    view, _, rest = code.partition("_")
    if view in VIEWS and rest in NOTES:
        return f"{FILM[view]} {NOTES[rest].words}"
    return NOTES[code].words if code in NOTES else f"{code.replace('_', ' ')}."


def _reasons(level: LevelResult) -> str:
    """``overlap_bad`` is a cause and a degree; the degree is the level's word already."""
    causes = [code.removesuffix("_review").removesuffix("_bad") for code in level.quality.reasons]
    return ", ".join(REASONS.get(cause, cause.replace("_", " ")) for cause in causes)


def _provenance(result: ReconstructionResult) -> str:
    models = ", ".join(f"{each.name} {each.version} ({each.sha256[:SHORT_HASH]})" for each in result.assets)
    method = f"{result.software}, {result.engine.replace('_', ' ')}, {result.method.replace('_', ' ')}"
    return f"{method}; models by version and SHA-256: {models}." if models else f"{method}."
