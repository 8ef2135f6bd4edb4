"""Tables of ``benchmarks.network_real``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.network_report import PAPER_NOTE, rates, tables
from lumbar3d.contracts import VIEWS

COLUMNS = ("person", "view", "pairs", "refused", "Dice", "PSNR dB", "SSIM", "landmarks mm", "SDR 2 / 4 / 6 mm, %")


def markdown(report: dict[str, Any]) -> str:
    """The paper's tables over everybody, then each person alone, and the conditions."""
    everybody = report["all"]
    rows = ["## Network on simulated films of real vertebrae, by a renderer that it was not trained on", ""]
    rows += ["Our images are simulated, the paper's are not ours: its column is for scale only.", ""]
    rows += [*tables(everybody["ap"], everybody["lat"]), ""]
    rows += ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for name, person in report["people"].items():
        rows += _person(name, person)
    named = ", ".join(f"{everybody[view]['mislabelled_levels']} {view.upper()}" for view in VIEWS)
    rows += ["", "Three real people, so figures are per person, not a population. The bones of the films are voxels of"]
    rows += ["their surfaces, cast ray by ray; everything around them is the training simulator's. The collapsed L1 of"]
    rows += ["verse004 counts. Landmarks: all seven of all levels, mm at the landmark's depth.", ""]
    rows += [f"- levels named after a neighbour: {named}", f"- refused: {everybody['refused'] or 'none'}"]
    rows += [f"- machine: {report['machine']}"]
    rows += [f"- {name}: {sha256[:12]}" for name, sha256 in report["assets"].items()]
    return "\n".join([*rows, f"- {PAPER_NOTE}"]) + "\n"


def _person(name: str, person: Mapping[str, Any]) -> list[str]:
    """AP and LAT of one person; no figures where everything was refused."""
    rows = []
    for view in VIEWS:
        cells = [name, view.upper(), str(person["pairs"]), str(len(person["refused"]))]
        if view in person:
            table = person[view]
            landmarks = table["landmark_all"]
            cells += [f"{table['dice']:.3f}", f"{table['psnr_db']:.1f}", f"{table['ssim']:.3f}"]
            cells += [f"{landmarks['mean_mm']:.2f}", rates(landmarks)]
        rows.append("| " + " | ".join(cells) + " |")
    return rows
