"""The rooms that the documentation draws are rooms that a job takes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.column_shift import effect, equations
from benchmarks.inputs import Demand, Trio, TrioOutcome, judge, read_table
from benchmarks.processes import ROOT
from benchmarks.room_pictures import ROOMS
from lumbar3d.contracts import Calibration, Measurement, ReconstructionResult
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.triangulation import triangulate
from lumbar3d.registration.room import LateralError


@pytest.mark.parametrize("title", ROOMS)
def test_a_drawn_room_is_accepted(title: str) -> None:
    geometry = build_geometry(ROOMS[title]())
    assert geometry.seen_from_behind == ("as hung" in title, False)
    assert 75 <= geometry.view_angle_deg <= 105


def test_a_shift_along_the_columns_is_a_motion_of_the_whole_spine() -> None:
    """As the benchmark's linear analysis has it, so it is when rays of the shifted film are met."""
    views = build_geometry(Calibration.model_validate_json((ROOT / "demo" / "calibration.json").read_text()))
    golden = json.loads((ROOT / "tests" / "golden" / "demo.json").read_text())
    points = np.array(golden["landmarks_mm"]).reshape(-1, 3)
    told = effect(*equations(views.ap, views.lat, points), points, 10.0)
    shifted = replace(LateralError.none(views.lat, points), values=np.array([0.0, 10.0, 0.0, 0.0])).applied(views.lat)
    seen = [view.project(points)[0] for view in (views.ap, shifted)]
    found, apart_mm = triangulate(*views.ap.rays(seen[0]), *views.lat.rays(seen[1]))
    moved = (found - points).mean(0)
    assert np.linalg.norm(moved) == pytest.approx(told.moved_mm, rel=0.02)
    size = np.sqrt(((found - found.mean(0)) ** 2).sum() / ((points - points.mean(0)) ** 2).sum())
    assert 100 * (size - 1) == pytest.approx(told.size_percent, abs=0.05)
    assert 0 < told.contradiction_mm < 0.3 and np.abs(apart_mm).max() < 1.0


TABLE = """
| file | what it is | what must happen |
|---|---|---|
| base_ap.png, base_lat.png, base_calibration.json | the plain trio | reference |
| ap_a.dcm | a film | near 0.6; a note that the compression is lossy |
| ap_b.dcm **with lat_b.dcm** | two | refused: view_mismatch (why) |
| ap_c.dcm | comma | same with a note; or refused: invalid_radiograph whose detail names Imager Pixel Spacing |
| ap_d.dcm | one value | as above |
| pa_ap.png, pa_lat.png, pa_calibration.json | PA | succeeds; measurements are `pa_expected.json` |
| pa_hung.png with pa_lat.png, pa_hung_calibration.json | hung | succeeds; within 0.05 of `pa_expected.json` |
"""


def test_what_must_happen_is_read_from_the_table() -> None:
    rows = read_table(TABLE)
    assert [trio.words for trio, _ in rows][:3] == ["base", "ap_a.dcm", "ap_b.dcm lat_b.dcm"]
    lossy, mismatch, comma, above, _, hung = (demand for _, demand in rows[1:])
    assert (lossy.tolerance, lossy.notes, lossy.may_succeed, lossy.codes) == (0.6, ("lossy",), True, ())
    assert mismatch.codes == ("view_mismatch",) and not mismatch.may_succeed
    assert comma.may_succeed and comma.codes == ("invalid_radiograph",) and comma.named == ("Imager Pixel Spacing",)
    assert (above.codes, above.named, above.may_succeed) == (comma.codes, comma.named, comma.may_succeed)
    assert hung.reference == Trio("pa_ap.png", "pa_lat.png", "pa_calibration.json") and hung.tolerance == 0.05


class Known:
    """What trios gave, by their AP film."""

    def __init__(self, **outcomes: list[tuple[str, str, float]]) -> None:
        self._outcomes = outcomes

    def outcome(self, trio: Trio) -> TrioOutcome:
        given = [
            Measurement.model_construct(code=code, target=target, value=value, unit="deg")
            for code, target, value in self._outcomes[trio.ap]
        ]
        return TrioOutcome(ReconstructionResult.model_construct(measurements=given, notes=(), quality="ok"))


def test_the_largest_curve_is_compared_whichever_levels_it_lies_between() -> None:
    base, film = Trio("base", "lat", "room"), Trio("film", "lat", "room")
    demand = Demand("same", tolerance=0.05, reference=base)
    tie = Known(base=[("cobb_coronal", "L1-L4", 4.00)], film=[("cobb_coronal", "L1-L5", 4.02)])
    assert judge(tie, film, demand).is_right
    other = Known(base=[("cobb_coronal", "L1-L4", 4.00)], film=[("cobb_coronal", "L1-L5", 4.10)])
    assert not judge(other, film, demand).is_right
    fewer = Known(base=[("cobb_coronal", "L1-L4", 4.0), ("slip_sagittal", "L4/L5", 1.0)], film=other._outcomes["film"])
    row = judge(fewer, film, demand)
    assert not row.is_right and row.where == "measured in one only: slip_sagittal L4/L5"
