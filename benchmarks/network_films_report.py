"""Tables of ``benchmarks.network_films``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NOTE = """\
Real radiographs without calibration: the pixel size is assumed from the height of the bodies unless the film says it,
the room is nominal. Nothing is said of accuracy in 3D. Corners were set by hand, good to about 2 mm, levels counted
from the sacrum, by no radiologist. mm at the spine, for the pixel size as assumed; coverage is the share of a body that
its own level's opacity covers, height that of its middle as drawn over as annotated (from above, processes and
pedicles add to it); all are medians over the rightly named bodies, of refused films too. Shifted: all bodies bear the
name of the neighbour on the same side; mixed: some do. A refused film's names are those it would have had."""

Row = Mapping[str, Any]


def markdown(report: Mapping[str, Any]) -> str:
    """Pooled, per film as assumed, per film and scale, pairs, and the conditions."""
    rows = ["## Networks on real single films", "", NOTE, "", *_pooled(report["pooled"]), ""]
    rows += ["### At the assumed scale", "", *_films(report["readings"]), ""]
    rows += ["### Over the scales", "", *_scales(report["readings"]), ""]
    if report["pairs"]:
        rows += ["### Pairs of one person through the detection stage", "", *_pairs(report["pairs"]), ""]
    rows += [f"- data: {report['data']}", f"- machine: {report['machine']}"]
    rows += [f"- {name}: {asset}" for name, asset in report["assets"].items()]
    return "\n".join(rows) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def _pooled(groups: Sequence[Row]) -> list[str]:
    head = ["view", "scales", "readings", "read", "right", "shifted", "mixed", "refused though right", "levels right"]
    counts = ("readings", "read", "read_right", "read_shifted", "read_mixed", "refused_right")
    rows = [
        [group["view"].upper(), group["scales"], *(str(group[name]) for name in counts)]
        + [f"{group['right_levels']} of {group['levels']}", *_distances(group)]
        for group in groups
    ]
    return _table([*head, "centre mm", "end plate mm", "coverage", "height"], rows)


def _distances(group: Row) -> list[str]:
    values = [group[f"{name}_median"] for name in ("centre_mm", "plate_mm", "coverage", "height")]
    return ["" if value is None else f"{value:.2f}" for value in values]


def _films(readings: Sequence[Row]) -> list[str]:
    head = ["film", "answer", "names", "levels right", "confidence L1 .. L5", "novelty", "words"]
    rows = [
        [one["film"], one["code"], _names(one), f"{one['right_levels']} of {one['levels']}"]
        + [" ".join(f"{value:.2f}" for value in one["confidence"]), str(one["novelty"]), one["words"]]
        for one in readings
        if one["scale"] == 1.0
    ]
    return _table(head, rows)


def _names(one: Row) -> str:
    return f"{one['verdict']} {one['shift']:+d}" if one["shift"] else str(one["verdict"])


def _scales(readings: Sequence[Row]) -> list[str]:
    scales = sorted({one["scale"] for one in readings})
    cells: dict[str, dict[float, str]] = {}
    for one in readings:
        cells.setdefault(one["film"], {})[one["scale"]] = f"{one['code']}, {_names(one)}"
    rows = [[film, *(answers[scale] for scale in scales)] for film, answers in cells.items()]
    return _table(["film", *(f"x {scale:g}" for scale in scales)], rows)


def _pairs(pairs: Sequence[Row]) -> list[str]:
    rows = [
        [one["films"], f"x {one['scale']:g}", one["code"], one.get("ap", ""), one.get("lat", "")]
        + [" ".join(f"{value:.1f}" for value in one.get("ray_distance_mm", [])), one["words"]]
        for one in pairs
    ]
    return _table(["films", "scale", "answer", "AP names", "LAT names", "rays miss by, mm, L1 .. L5", "words"], rows)
