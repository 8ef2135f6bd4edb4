"""Answer under a wrong calibration, with the room as it was told and with the room refined by the fit.

``python -m benchmarks.geometry --data DIR``: people of ``benchmarks.subjects``, decomposition images rendered in the
true room and spoiled as in ``benchmarks.registration`` (no network here); the lateral view of the calibration document
that the fit is given is then moved by hand, in the document. Compared are the answer and that of the true calibration
(``undisturbed``: the same images, nothing refined), and stated and true errors. Simulated images; the priors of the
refinement (``registration.room``) were set before. Writes ``benchmarks/results/geometry.{json,md}``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.geometry_report import AIM, write
from benchmarks.machine import describe
from benchmarks.measurements import compare, truth_of
from benchmarks.registration_cases import RegistrationCase, distances, simulate
from benchmarks.simulated_detection import network_grid
from benchmarks.subjects import COMPLETE_SUBJECTS, SOURCES, load_subject
from lumbar3d.arrays import Array
from lumbar3d.constants import flat
from lumbar3d.contracts import Calibration, GeometryView, Measurement
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.measurement.report import measure
from lumbar3d.quality import pair_notes, room_notes
from lumbar3d.registration.register import register
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room import CONSTANTS, LateralError
from lumbar3d.registration.room_refinement import seen_in_room
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel

CONDITION = "as the design"
DISTURBANCES: dict[str, tuple[float, float, float, float]] = {
    "source 10 mm, turn 2 deg": (10.0, 0.0, 0.0, 2.0),
    "none": (0.0, 0.0, 0.0, 0.0),
    "turn 1 deg": (0.0, 0.0, 0.0, 1.0),
    "rows 2 mm": (0.0, 0.0, 2.0, 0.0),
    "columns 10 mm": (0.0, 10.0, 0.0, 0.0),
    "source 10 mm": (10.0, 0.0, 0.0, 0.0),
    "turn 3 deg": (0.0, 0.0, 0.0, 3.0),
    "rows 5 mm": (0.0, 0.0, 5.0, 0.0),
    "columns 3 mm": (0.0, 3.0, 0.0, 0.0),
    "rows 10 mm": (0.0, 0.0, 10.0, 0.0),
}
"""True lateral view less that of the calibration: source further from its detector, detector shifted along columns and
rows (mm), detector turned in its plane about its middle, from columns towards rows (degrees)."""


@dataclass(frozen=True)
class Row:
    """One answer.

    ``common_mm``: by how far all vertebrae together lie off the undisturbed answer. ``relative_mm``: RMS distance of
    corresponding surface points once that is taken away. ``lengths_mm``, ``angles_deg``: RMS difference of the
    measurements of that unit; ``z``: RMS of (measurement - truth) over stated error; ``position_z``: of ``common_mm``
    per axis over the stated error of the middle level's position; ``found``, ``sigmas``: of the room, refined or by
    the one step that is made of a room as told.
    """

    disturbance: str
    refined: bool
    subject: str
    draw: int
    common_mm: float
    relative_mm: float
    lengths_mm: float
    angles_deg: float
    largest_angle_deg: float
    surface_mm: float
    z: float
    position_z: float
    notes: tuple[str, ...]
    found: tuple[float, ...] = ()
    sigmas: tuple[float, ...] = ()


def told(calibration: Calibration, off: Sequence[float]) -> Calibration:
    """The document of somebody who does not know of the disturbance."""
    further_mm, across_mm, down_mm, turn_deg = off
    lat = calibration.lat
    assert isinstance(lat, GeometryView)
    u, v = np.array(lat.detector_u_axis), np.array(lat.detector_v_axis)
    half_mm = np.array([(lat.columns - 1) / 2, (lat.rows - 1) / 2]) * lat.pixel_spacing_mm
    middle = np.array(lat.detector_origin_mm) + half_mm[0] * u + half_mm[1] * v - across_mm * u - down_mm * v
    away = np.array(lat.source_mm) - middle
    normal = np.cross(u, v)
    source = np.array(lat.source_mm) - further_mm * np.sign(away @ normal) * normal
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    u, v = cosine * u - sine * v, cosine * v + sine * u
    changed = {
        "source_mm": tuple(source.tolist()),
        "detector_origin_mm": tuple((middle - half_mm[0] * u - half_mm[1] * v).tolist()),
        "detector_u_axis": tuple(u.tolist()),
        "detector_v_axis": tuple(v.tolist()),
    }
    return calibration.model_copy(update={"lat": lat.model_copy(update=changed)})


def answer(case: RegistrationCase, models: Sequence[ShapeModel], off: Sequence[float], refine: bool) -> Registration:
    """Fit the images of the true room with the room that was told."""
    wrong = network_grid(build_geometry(told(case.subject.calibration, off)).lat)
    seen = case.simulated.detection
    given = replace(seen, lat=replace(seen.lat, projection=wrong))
    return register(models, given, CpuProjector(), refine_geometry=refine)


def row(
    name: str, case: RegistrationCase, fitted: Registration, undisturbed: Registration, truth: Iterable[Measurement]
) -> Row:
    """Compare one answer."""
    offsets = [
        a.vertices_world() - b.vertices_world() for a, b in zip(fitted.vertebrae, undisturbed.vertebrae, strict=True)
    ]
    common = np.mean([offset.mean(0) for offset in offsets], axis=0)
    relative = np.concatenate([offset - common for offset in offsets])
    found, before = measure(fitted.vertebrae), {(m.code, m.target): m.value for m in measure(undisturbed.vertebrae)}
    by_unit = {
        unit: np.array(
            [m.value - before[m.code, m.target] for m in found if m.unit == unit and (m.code, m.target) in before]
        )
        for unit in ("mm", "deg")
    }
    pairs = [
        pair for several in compare(truth, found, case.subject.deformed_levels).values() for pair in several if pair[1]
    ]
    middle = fitted.vertebrae[len(fitted.vertebrae) // 2].covariance
    assert middle is not None
    room = fitted.room or fitted.suspected
    surfaces = [distances(case.subject, vertebra) for vertebra in fitted.vertebrae]
    return Row(
        disturbance=name,
        refined=fitted.room is not None,
        subject=case.subject.name,
        draw=case.draw,
        common_mm=float(np.linalg.norm(common)),
        relative_mm=float(np.sqrt((relative**2).sum(1).mean())),
        lengths_mm=_rms(by_unit["mm"]),
        angles_deg=_rms(by_unit["deg"]),
        largest_angle_deg=float(np.abs(by_unit["deg"]).max()),
        surface_mm=float(np.mean([level.mean_mm for level in surfaces if not level.deformed])),
        z=_rms(np.array([error / sigma for error, sigma in pairs])),
        position_z=_rms(common / np.sqrt(np.diag(middle)[3:6])),
        notes=_notes(case, fitted, name),
        found=() if room is None else tuple(room.error.values.tolist()),
        sigmas=() if room is None else tuple(room.sigmas.tolist()),
    )


def _notes(case: RegistrationCase, fitted: Registration, name: str) -> tuple[str, ...]:
    """What the result would say of the pair."""
    wrong = network_grid(build_geometry(told(case.subject.calibration, DISTURBANCES[name])).lat)
    seen = case.simulated.detection
    given = replace(seen, lat=replace(seen.lat, projection=wrong))
    error = LateralError.none(wrong, np.zeros((1, 3))) if fitted.room is None else fitted.room.error
    return tuple(dict.fromkeys((*pair_notes(seen_in_room(given, error)), *room_notes(fitted))))


def _rms(values: Array) -> float:
    return float(np.sqrt((values**2).mean()))


def stored_rows(folder: Path) -> list[dict[str, Any]]:
    """Rows of an earlier run."""
    rows: list[dict[str, Any]] = json.loads((folder / "geometry.json").read_text())["rows"]
    return rows


def _key(row: dict[str, Any]) -> tuple[str, bool, str, int]:
    return row["disturbance"], row["refined"], row["subject"], row["draw"]


def _place(row: dict[str, Any]) -> tuple[int, bool, int, int]:
    """In the order of the tables."""
    name, refined, subject, draw = _key(row)
    return list(DISTURBANCES).index(name), refined, list(SOURCES).index(subject), draw


def main() -> None:
    """Measure everybody and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--draws", type=int, default=1, help="draws of the image and landmark errors per person")
    parser.add_argument("--people", nargs="+", default=COMPLETE_SUBJECTS, help="which of the people")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--keep", action="store_true", help="keep stored rows that this run does not measure again")
    arguments = parser.parse_args()
    models = load_shape_models(AssetStore.open())
    record = {
        "machine": describe("numpy", "scipy", "numba"),
        "assets": {model.level: f"{model.version} {model.sha256[:12]}" for model in models},
        "room": flat(CONSTANTS),
        "draws": arguments.draws,
    }
    people = [load_subject(arguments.data, name) for name in arguments.people]
    cases = [simulate(person, CONDITION, draw) for person in people for draw in range(arguments.draws)]
    truths = {person.name: truth_of(person, models) for person in people}
    undisturbed = [answer(case, models, DISTURBANCES["none"], refine=False) for case in cases]
    rows = stored_rows(arguments.out) if arguments.keep else []
    plan = itertools.product(DISTURBANCES, (False, True))
    for disturbance, refine in sorted(plan, key=lambda part: (part[0] != AIM, part[1])):  # the aim first
        off = DISTURBANCES[disturbance]
        for case, before in zip(cases, undisturbed, strict=True):
            fitted = answer(case, models, off, refine)
            found = asdict(row(disturbance, case, fitted, before, truths[case.subject.name]))
            rows = [stored for stored in rows if _key(stored) != _key(found)] + [found]
            rows.sort(key=_place)
            write(rows, record, arguments.out)
            print(f"{disturbance}, {'refined' if refine else 'as told'}, {case.subject.name}: measured", flush=True)


if __name__ == "__main__":
    main()
