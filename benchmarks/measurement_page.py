"""The page of measurements, with a drawing of each: ``python -m benchmarks.measurement_page --write | --check``.

Names, units, definitions and norms are those of the code. With ``--draw`` the demonstration pair is reconstructed and
drawn again: vertebrae from the side, the front or above, and over them the construction that the result page shows.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

from benchmarks.processes import ROOT
from lumbar3d.anatomy import LEVELS
from lumbar3d.artifacts import CONSTRUCTIONS
from lumbar3d.construction_file import write_constructions
from lumbar3d.contracts import Calibration
from lumbar3d.edits import SetHips
from lumbar3d.measurement.catalogue import CATALOGUE
from lumbar3d.measurement.norms import norm_of
from lumbar3d.measurement.report import measure
from lumbar3d.pipeline import Engine
from lumbar3d.reconstruction import Reconstruction
from lumbar3d.sacrum.hips import place_hips
from lumbar3d.shape.mesh import TriangleMesh

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

DEMO = ROOT / "demo"
PAGE = ROOT / "docs" / "measurements.md"
PICTURE = ROOT / "docs" / "pictures" / "measurements.webp"
SHOWN = ("L3", "L3/L4")
"""Of the measurements of one vertebra and of two the target that is drawn, and whose norm is told."""
SPANS = (f"{LEVELS[0]}-{LEVELS[-1]}", "L1-S1", "L4-S1", "S1")
SIDE, FRONT, ABOVE = ((0, -1), 2), ((1, 1), 2), ((1, -1), 0)
"""World axes to the right (with its sign) and up: anterior on the left; left on the right as on films; from above."""
SEEN = {
    FRONT: ("_left", "_right", "width", "coronal", "lateral", "lumbar_height"),
    ABOVE: ("area", "axial"),
}
HEADS_MM = ((6.2, 90.9, -186.7), (6.2, -90.2, -186.7))
"""Left and right femoral head of the pair's patient, whose films end above them (``demo_pair`` has drawn them)."""
COLUMNS = 6
COLOURS = {"segment": "#c2410c", "plate": "#c2410c", "outline": "#c2410c", "axis": "#c2410c", "reference": "#1d4ed8"}
HEAD = """# Measurements

Made by `python -m benchmarks.measurement_page` of the code (`lumbar3d/measurement/catalogue.py`, `norms.py`). How well
each is measured: [results](results.md#measurements). A lordosis to L5 is not one to S1. The norm is that
of L3 or L3/L4 where it differs by level; weak norms colour nothing red.

![Each measurement's construction on the demonstration pair](pictures/measurements.webp)

Orange: what is measured. Blue: what it is measured against. From the side (anterior on the left), from the front
(the patient's left on the right) or from above (anterior at the top, the patient's left on the left).

| code | name | unit | definition | norm, mean ± SD | source |
|---|---|---|---|---|---|
"""


TAIL = """
## Norms and age

**Norms do not depend on age here**, and nobody's age is read out of the films or asked for: nothing would use it.
What the literature says of age, as far as it could be read, and why no norm was made of it:

| measurements | what is known | why it is no norm |
|---|---|---|
| lordosis, sacral slope | Both fall with age, lordosis most from the seventh to the eighth decade (Yukawa 2018, 626 \
symptom-free adults) | figures by decade are in that article's tables, of which only the summary could be read \
here; its lordosis is T12-S1 |
| lordosis of a segment | Standing, it falls with age at L2/L3, L3/L4 and L4/L5 (Yukawa 2019, 627) | as above |
| disc heights | At all levels they rise from 20 to 69 years, by 4.6 to 8.4 % (Shao 2002, films of 1240 adults); \
they fall, most at L4/L5 (Machino 2022, 627 adults); they go up and down, clearly in men alone (Al-Hadidi, MRI of \
153 adults) | the sources contradict each other |
| body heights | The middle sinks against the front, by 0.9 to 3.2 % (Shao 2002) | a ratio of two \
heights says nothing of either |
| pelvic incidence and tilt | Incidence has nothing to do with age, tilt hardly (r up to 0.21; Mac-Thiong 2011, \
709 symptom-free adults) | there is next to none to make |
| end plates, wedge, slip, rotation, curves | no source with figures by age was found | |

## PI-LL

Its norm is of symptom-free people and weak: mean 0, and one in three lies beyond 9.5 degrees to either side. In adults
with a deformity SRS-Schwab call less than 10 degrees matched, 10 to 20 moderate and more than 20 marked: limits for
their treatment, which stand here and in no flag.
"""


def text() -> str:
    """The page."""
    return HEAD + "".join(map(_row, CATALOGUE)) + TAIL


def _row(code: str) -> str:
    entry = CATALOGUE[code]
    norms = (norm_of(code, target) for target in (*SHOWN, *SPANS))
    norm = next((each for each in norms if each is not None), None)
    told = " | " if norm is None else f"{norm.mean:g} ± {norm.sd:g} | {norm.source} ({norm.evidence})"
    return f"| `{code}` | {entry.name} | {entry.unit} | {entry.definition} | {told} |\n"


def reconstructed() -> Reconstruction:
    """The demonstration pair with its femoral heads placed, as if the films were long enough."""
    told = Calibration.model_validate_json((DEMO / "calibration.json").read_text())
    spine = Engine.load().reconstruct(DEMO / "ap.png", DEMO / "lat.png", told)
    ap, lat = (view.project(np.array(HEADS_MM))[0].tolist() for view in (spine.room.ap, spine.room.lat))
    edit = SetHips.model_validate({"type": "set_hips", "ap_left_px": ap[0], "ap_right_px": ap[1], "lat_px": lat})
    sacrum = spine.sacrum.with_hips(place_hips(edit, spine.room, len(spine.measured[0].origin) - 1))
    numbers = measure(spine.vertebrae, spine=spine.measured, sacrum=sacrum.plate)
    return replace(spine, sacrum=sacrum, measurements=numbers)


def drawn(meshes: Mapping[str, TriangleMesh], known: Sequence[dict[str, Any]]) -> Image.Image:
    """One panel a measurement."""
    rows = -(-len(CATALOGUE) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(2.4 * COLUMNS, 2.5 * rows), layout="constrained")
    for code, panel in zip(CATALOGUE, axes.flat, strict=False):
        of_code = [each for each in known if each["code"] == code]
        shown = next((each for each in of_code if each["target"] in SHOWN), of_code[0] if of_code else None)
        _panel(panel, code, shown, meshes)
    for panel in axes.flat:
        panel.set_axis_off()
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=90)
    plt.close(figure)
    return Image.open(buffer).convert("RGB")


def _panel(panel: Axes, code: str, shown: dict[str, Any] | None, meshes: Mapping[str, TriangleMesh]) -> None:
    """The levels of a target, and its lines over them."""
    (right, sign), up = next((view for view, words in SEEN.items() if any(word in code for word in words)), SIDE)
    target = SHOWN[0] if shown is None else str(shown["target"])
    named = [level for level in LEVELS if level in target] or [LEVELS[-1]]
    last = named[-1] if "S1" not in target else LEVELS[-1]
    for level in LEVELS[LEVELS.index(named[0]) : LEVELS.index(last) + 1]:
        corners = meshes[level].vertices[meshes[level].faces][..., [right, up]] * (sign, 1)
        panel.add_collection(PolyCollection(list(corners), facecolor="#475569", alpha=0.06, edgecolor="none"))
    for line in () if shown is None else shown["lines"]:
        points = np.array([point["mm"] for point in line["points"]])[:, [right, up]] * (sign, 1)
        panel.plot(*points.T, color=COLOURS[line["role"]], linewidth=1.8)
    panel.autoscale_view()
    panel.set_aspect("equal")
    panel.set_title(f"{CATALOGUE[code].name}\n{target}", fontsize=8)


def main(arguments: list[str] | None = None) -> int:
    """Write or check; 1 where the page differs from the code."""
    parser = argparse.ArgumentParser(description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true")
    action.add_argument("--check", action="store_true")
    parser.add_argument("--draw", action="store_true", help="the pictures too, of the demonstration pair")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        is_same = PAGE.read_text() == text()
        if not is_same:
            sys.stderr.write(f"{PAGE.name} differs from the code: python -m benchmarks.measurement_page --write\n")
        return int(not is_same)
    PAGE.write_text(text())
    if chosen.draw:
        with tempfile.TemporaryDirectory() as folder:
            spine = reconstructed()
            write_constructions(spine, Path(folder))
            lines = json.loads((Path(folder) / CONSTRUCTIONS.file).read_text())["constructions"]
        drawn(spine.meshes, lines).save(PICTURE, quality=80)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
