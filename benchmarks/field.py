"""Reconstructions in the field's own metrics: ``python -m benchmarks.field --data DIR [--verse DIR]``.

Dice, ASSD, HD95 and NSD of voxelised surfaces in the pose of the world (``lumbar3d.validation.field_metrics``), sound
and deformed vertebrae apart, beside what is published. People of ``benchmarks.subjects`` or of VerSe's folders, filmed
by the second renderer; as found, with a perfect network, and the mean shapes at their initial poses. Writes
``benchmarks/results/field.{json,md}``, or ``field_verse`` with ``--verse``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.end_to_end import swapped, truth
from benchmarks.end_to_end_report import AS_FOUND, BOTH_TRUE
from benchmarks.machine import describe
from benchmarks.subject_films import COLUMNS, photograph
from benchmarks.subjects import COMPLETE_SUBJECTS, RealSubject, Room, load_subject
from benchmarks.verse import find_people, read_people
from lumbar3d.errors import RejectedError
from lumbar3d.pipeline import Engine
from lumbar3d.registration.initialise import initial_poses, triangulate_landmarks
from lumbar3d.registration.register import register
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.validation.field_metrics import TOLERANCES_MM, Overlap, overlap, voxel_benchmark

MEAN_SHAPE = "mean shape at the initial pose"
PITCH_MM = 1.0
PUBLISHED = (
    ("xrayto3D logs, VerSe19, 88 lumbar vertebrae: 2DConcat (best)", ".864", "3.40", "1.02 (one way)", ".851 (1.5 mm)"),
    ("the same, Genant grade 0 / 1 / 2 / 3, Attention U-Net", ".877 .863 .820 .763", "3.0-5.1", ".96-1.54", ".88-.69"),
    ("Swin-X2S-Base, CTSpine1K, whole spine", ".838", "HD 5.27", "", ""),
    ("ReVerteR, VerSe-full / small", ".794 / .769", "4.58 / 6.31 (unit not said)", "", ".718 / .620 (not said)"),
    ("SSM and differentiable rendering, VerSe-small (2025)", ".75", "", "", ""),
    ("TransVert, own figures / rerun by ReVerteR", ".955 / .774", "", "", ""),
    ("X23D, lumbar, calibrated fluoroscopy", "F1 .88", "", "", ""),
)
"""As published: name, Dice, HD95, ASSD, NSD. Other films, people and CTs in every row."""


@dataclass(frozen=True)
class FieldCase:
    """One vertebra of one pair of films, one way of reconstructing it."""

    person: str
    draw: int
    way: str
    level: str
    deformed: bool
    vertex_mm: float
    ours: Overlap
    theirs: Overlap


def cases_of(engine: Engine, subject: RealSubject, draw: int) -> Iterator[FieldCase]:
    """Every level of one exposure, all ways.

    Raises
    ------
    RejectedError
        The films are refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        films = photograph(subject, draw, Path(folder))
        whole = engine.reconstruct(*films, subject.calibration)
    exact = swapped(whole.detection, truth(subject, whole.detection, engine), BOTH_TRUE)
    landmarks = triangulate_landmarks(whole.detection, engine.constants)
    starts = zip(engine.models, initial_poses(engine.models, landmarks), strict=True)
    ways = {
        AS_FOUND: whole.registration.vertebrae,
        BOTH_TRUE: register(engine.models, exact, engine.projector, engine.constants).vertebrae,
        MEAN_SHAPE: [FittedVertebra(model, at.world_from_model, at.coefficients, None) for model, at in starts],
    }
    for way, vertebrae in ways.items():
        for vertebra in vertebrae:
            yield _case(subject, draw, way, vertebra)


def _case(subject: RealSubject, draw: int, way: str, vertebra: FittedVertebra) -> FieldCase:
    found, true = vertebra.mesh_world(), subject.meshes_world[vertebra.level]
    return FieldCase(
        person=subject.name,
        draw=draw,
        way=way,
        level=vertebra.level,
        deformed=vertebra.level in subject.deformed_levels,
        vertex_mm=float(vertex_to_surface_mm(found.vertices, true).mean()),
        ours=overlap(found, true, PITCH_MM),
        theirs=voxel_benchmark(found, true),
    )


def table(cases: Sequence[FieldCase]) -> list[str]:
    """By way, sound and deformed apart, each level and all."""
    nsd = [f"NSD {tolerance:g}" for tolerance in TOLERANCES_MM]
    head = ("images", "vertebrae", "level", "n", "Dice", "ASSD", "HD95", *nsd, "vertices to surface")
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for way in dict.fromkeys(case.way for case in cases):
        for kind, deformed in (("sound", False), ("deformed", True)):
            chosen = [case for case in cases if case.way == way and case.deformed == deformed]
            for level in (*sorted({case.level for case in chosen}), "all"):
                group = [case for case in chosen if level in (case.level, "all")]
                if group:
                    rows.append(_row((way, kind, level), group))
    return rows


def _row(names: tuple[str, ...], group: Sequence[FieldCase]) -> str:
    ours = [case.ours for case in group]
    figures = [np.mean([case.dice for case in ours]), np.mean([case.assd_mm for case in ours])]
    figures += [np.mean([case.hd95_mm for case in ours]), *np.mean([case.nsd for case in ours], axis=0)]
    figures.append(np.mean([case.vertex_mm for case in group]))
    cells = [*names, str(len(group)), *(f"{value:.3f}" for value in figures)]
    return "| " + " | ".join(cells) + " |"


def beside(cases: Sequence[FieldCase]) -> list[str]:
    """Sound vertebrae in the xrayto3D benchmark's convention, and what is published."""
    rows = ["| system | Dice | HD95 mm | ASD or ASSD mm | NSD |", "|---" * 5 + "|"]
    for way in dict.fromkeys(case.way for case in cases):
        theirs = [case.theirs for case in cases if case.way == way and not case.deformed]
        if theirs:
            names = ("dice", "hd95_mm", "asd_mm")
            dice, hd95, asd = (float(np.mean([getattr(case, name) for case in theirs])) for name in names)
            near = float(np.mean([case.nsd[0] for case in theirs]))
            figures = f"{dice:.3f} | {hd95:.2f} | {asd:.2f} | {near:.3f}"
            rows.append(f"| this project, {way}, that benchmark's convention | {figures} |")
    return [*rows, *("| " + " | ".join(row) + " |" for row in PUBLISHED)]


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the people's surfaces")
    parser.add_argument("--verse", type=Path, help="folder of a VerSe release instead")
    parser.add_argument("--draws", type=int, default=2, help="exposures per person")
    parser.add_argument("--people", type=int, default=None, help="of a VerSe release, at most")
    arguments = parser.parse_args()
    if (arguments.data is None) == (arguments.verse is None):
        parser.error("one of --data and --verse is needed")
    engine, room = Engine.load(device="cpu"), Room(columns=COLUMNS)
    remarks: list[str] = []
    if arguments.verse is None:
        people: Iterator[RealSubject] = (load_subject(arguments.data, name, room) for name in COMPLETE_SUBJECTS)
    else:
        masks = find_people(arguments.verse)
        remarks += [f"{mask.person} left out: {mask.fault}" for mask in masks if mask.fault]
        people = read_people([mask for mask in masks if not mask.fault][: arguments.people], engine.models, room)
    cases: list[FieldCase] = []
    for subject in people:
        for draw in range(arguments.draws):
            try:
                cases += cases_of(engine, subject, draw)
            except RejectedError as error:
                remarks.append(f"{subject.name}, exposure {draw}, refused: {error.code}")
    write(
        cases,
        engine,
        remarks,
        Path(__file__).parent / "results" / ("field" if arguments.verse is None else "field_verse"),
    )


def write(cases: Sequence[FieldCase], engine: Engine, remarks: Sequence[str], path: Path) -> None:
    """Both tables, printed and kept."""
    record = {
        "machine": describe("numpy", "scipy", "onnxruntime"),
        "assets": {asset.name: f"{asset.version} {asset.sha256[:12]}" for asset in engine.provenance.assets},
        "remarks": list(remarks),
    }
    text = [
        "## Reconstructions in the field's metrics",
        "",
        *table(cases),
        "",
        f"Simulated films of real vertebrae; voxels of {PITCH_MM:g} mm in the world, no alignment afterwards.",
        "Dice; ASSD, HD95 in mm; surface Dice (NSD) within so many mm, both surfaces; the project's own figure, mm.",
        "",
        "## Beside what is published",
        "",
        *beside(cases),
        "",
        "That convention: 64^3 voxels of 1.5 mm, ASD from reconstruction to truth, NSD of the truth's surface alone.",
        "Other films, people and CTs in every row: for scale only.",
        "",
        *(f"- {name}: {value}" for name, value in record.items()),
    ]
    print("\n".join(text))
    path.with_suffix(".md").write_text("\n".join(text) + "\n")
    document = {**record, "cases": [asdict(case) for case in cases]}
    path.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
