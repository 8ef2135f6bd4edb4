"""Tables of ``benchmarks.network_real``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.network_report import PAPER_NOTE, rates, tables
from lumbar3d.contracts import VIEWS

COLUMNS = ("person", "view", "pairs", "refused", "Dice", "PSNR dB", "SSIM", "landmarks mm", "SDR 2 / 4 / 6 mm, %")


PEOPLE_NOTE = """\
Three real people, so figures are per person, not a population. The bones of the films are voxels of their surfaces,
cast ray by ray; everything around them is the training simulator's. The collapsed L1 of verse004 counts. Landmarks: all
seven of all levels, mm at the landmark's depth."""
CT_NOTE = """\
A real CT (3 x 1 x 1 mm, 105 mm wide, T10 to L3), cast ray by ray: bone of T11 to L3 and soft tissue around it as the
CT has them, noise and partial volume included, each exposure in another simulated trunk, with another technique. L4 and
L5 below are verse005's, ribs, T8 to T10, sacrum and pelvis the simulator's: without them no film would show five
levels. Measured on L1 to L3 only, L1 collapsed; the left transverse processes of L2 and L3 are cut by the CT and their
tips not measured. One person. The slices lie 3 mm apart across the AP film, whose outlines are that soft."""


def markdown(report: dict[str, Any]) -> str:
    """The paper's tables over everybody, then each person alone, then the CT, and the conditions."""
    everybody, ct = report["all"], report["ct"]
    rows = ["## Network on simulated films of real vertebrae, by a renderer that it was not trained on", ""]
    rows += ["Our images are simulated, the paper's are not ours: its column is for scale only.", ""]
    rows += [*_tables(everybody), ""]
    rows += ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for name, person in report["people"].items():
        rows += _person(name, person)
    rows += ["", PEOPLE_NOTE, "", *_conditions(everybody), "", "## Network on films of a real CT, verse012", ""]
    rows += [*_tables(ct), "", CT_NOTE, "", *_conditions(ct), "", "## Conditions", ""]
    rows += [f"- machine: {report['machine']}"]
    rows += [f"- {name}: {sha256[:12]}" for name, sha256 in report["assets"].items()]
    return "\n".join([*rows, f"- {PAPER_NOTE}"]) + "\n"


def _tables(group: Mapping[str, Any]) -> list[str]:
    return tables(group["ap"], group["lat"]) if "ap" in group else ["Everything was refused."]


def _conditions(group: Mapping[str, Any]) -> list[str]:
    named = ", ".join(f"{group[view]['mislabelled_levels']} {view.upper()}" for view in VIEWS if view in group)
    refused = "; ".join(f"{name}: {reason}" for name, reason in group["refused"].items())
    return [f"- levels named after a neighbour: {named}", f"- pairs: {group['pairs']}; refused: {refused or 'none'}"]


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
