"""Four kinds of rooms from above, drawn from calibration documents: ``python -m benchmarks.room_pictures``.

Writes ``docs/pictures/rooms.png``; what is drawn is what ``docs/calibration.md`` tells how to write down.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from lumbar3d.contracts import Calibration, GeometryView
from lumbar3d.geometry.handedness import is_told_from_behind
from lumbar3d.imaging.header import ImageFormat, ImageHeader, RoomTags
from lumbar3d.imaging.tagged_room import calibration_from_tags

PICTURE = Path(__file__).resolve().parents[1] / "docs/pictures/rooms.png"
PITCH_MM, COUNT = 0.42, 1024
HALF_MM = PITCH_MM * (COUNT - 1) / 2
COLOURS = {"ap": "#c0392b", "lat": "#1f6fb2"}
DOWN = (0.0, 0.0, -1.0)


def view(source: tuple[float, float], middle: tuple[float, float], along: tuple[float, float]) -> GeometryView:
    """A level view: source and middle of the detector from above, and the way its columns run."""
    origin = (middle[0] - HALF_MM * along[0], middle[1] - HALF_MM * along[1], HALF_MM)
    return GeometryView(
        type="geometry",
        source_mm=(*source, 0.0),
        detector_origin_mm=origin,
        detector_u_axis=(*along, 0.0),
        detector_v_axis=DOWN,
        pixel_spacing_mm=(PITCH_MM, PITCH_MM),
        columns=COUNT,
        rows=COUNT,
    )


def two_tubes() -> Calibration:
    """Two tubes and two detectors that stand still."""
    ap = view((1000.0, 0.0), (-300.0, 0.0), (0.0, 1.0))
    return Calibration(version="1.0", ap=ap, lat=view((0.0, -1000.0), (0.0, 300.0), (1.0, 0.0)))


def wall_stand() -> Calibration:
    """One tube and one detector; the patient turns: in the patient's world the room has turned.

    The frontal film is PA and stored as it hangs, with the patient's left on the right.
    """
    pa = view((-1550.0, 0.0), (250.0, 0.0), (0.0, 1.0))
    return Calibration(version="1.0", ap=pa, lat=view((0.0, -1550.0), (0.0, 250.0), (1.0, 0.0)))


def c_arm() -> Calibration:
    """An arm that turns about one isocentre, from the tags of both films; the patient stands turned by 10 degrees."""
    headers = []
    for primary, across in ((170.0, "L"), (80.0, "A")):
        tags = RoomTags(1200.0, 800.0, primary, 0.0, (across, "F"))
        size = {"rows": COUNT, "columns": COUNT, "spacing_mm": (PITCH_MM, PITCH_MM)}
        headers.append(ImageHeader(ImageFormat.DICOM, room=tags, **size))  # type: ignore[arg-type]
    return calibration_from_tags(*headers)


def any_room() -> Calibration:
    """No right angle, no common centre: what a bead phantom is for."""
    turn = np.radians(12.0)
    along = (float(np.cos(turn)), float(np.sin(turn)))
    lat = view((180.0, -1000.0), (-70.0, 330.0), along)
    return Calibration(version="1.0", ap=view((980.0, 60.0), (-310.0, -20.0), (0.0, 1.0)), lat=lat)


ROOMS = {
    "1  Two tubes, two detectors": two_tubes,
    "2  One wall stand, the patient turns (PA, as hung)": wall_stand,
    "3  C-arm, one isocentre: from the DICOM tags": c_arm,
    "4  Any room: from a bead phantom": any_room,
}


def draw(axes: Axes, title: str, room: Calibration) -> None:
    """One room from above: x anterior to the right, y to the patient's left upwards."""
    assert isinstance(room.ap, GeometryView) and isinstance(room.lat, GeometryView)
    axes.set_title(title, fontsize=10, loc="left")
    axes.add_patch(Ellipse((0, 0), 220, 340, facecolor="#f3e9df", edgecolor="#aa9988"))
    axes.add_patch(Ellipse((-10, 0), 90, 90, facecolor="#d9c7b3", edgecolor="#887766"))
    for axis, name in (((180.0, 0.0), "x"), ((0.0, 220.0), "y")):
        axes.annotate("", axis, (0, 0), arrowprops={"arrowstyle": "->"})
        axes.text(axis[0] * 1.15, axis[1] * 1.12, name, fontsize=9, ha="center", va="center")
    _draw_view(axes, room.ap, COLOURS["ap"], "PA" if is_told_from_behind(room.ap) else "AP")
    _draw_view(axes, room.lat, COLOURS["lat"], "LAT")
    if "bead" in title:
        turns = np.linspace(0, 2 * np.pi, 14)
        axes.plot(70 * np.cos(turns), 60 * np.sin(turns), ".", color="#222222", markersize=4)
    ends = np.array([[*room.ap.source_mm[:2]], [*room.lat.source_mm[:2]], [-400.0, -400.0], [400.0, 450.0]])
    (left, low), (right, high) = ends.min(axis=0) - 150.0, ends.max(axis=0) + 150.0
    axes.set(xlim=(left, right), ylim=(low, high))
    axes.set_aspect("equal")
    axes.axis("off")


def _draw_view(axes: Axes, told: GeometryView, colour: str, title: str) -> None:
    source, first = np.array(told.source_mm[:2]), np.array(told.detector_origin_mm[:2])
    along = np.array(told.detector_u_axis[:2])
    last = first + 2 * HALF_MM * along
    for end in (first, last):
        axes.plot(*np.transpose([source, end]), ":", color=colour, linewidth=0.8)
    axes.plot(*np.transpose([first, last]), color=colour, linewidth=3)
    axes.plot(*source, "o", color=colour, markersize=6)
    axes.plot(*first, "o", color="white", markeredgecolor=colour, markersize=6)
    middle = (first + last) / 2
    beside = middle - source
    beside *= 60.0 / np.linalg.norm(beside)
    arrow = {"arrowstyle": "->", "color": colour, "linewidth": 1.5}
    axes.annotate("", middle + beside, first + beside, arrowprops=arrow, annotation_clip=False)
    side = "left" if beside[0] > 30 else "right" if beside[0] < -30 else "center"
    level = "bottom" if beside[1] > 30 else "center"
    label = "u, seen\nfrom behind" if is_told_from_behind(told) else "u"
    u, v = middle + 1.4 * beside
    axes.text(u, v, label, color=colour, fontsize=8, ha=side, va=level)
    up = 60.0 if abs(beside[0]) > 30 else -90.0
    axes.text(source[0], source[1] + up, f"{title} source", color=colour, fontsize=8, ha="center", va="center")


def main() -> None:
    """Draw all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE)
    matplotlib.use("Agg")
    figure = Figure(figsize=(10.5, 8.4), dpi=80)
    for axes, (title, room) in zip(figure.subplots(2, 2).flat, ROOMS.items(), strict=True):
        draw(axes, title, room())
    figure.tight_layout()
    figure.savefig(parser.parse_args().out)


if __name__ == "__main__":
    main()
