"""The rooms that the documentation draws are rooms that a job takes."""

from __future__ import annotations

import pytest

from benchmarks.inputs import Trio, read_table
from benchmarks.room_pictures import ROOMS
from lumbar3d.geometry.calibration import build_geometry


@pytest.mark.parametrize("title", ROOMS)
def test_a_drawn_room_is_accepted(title: str) -> None:
    geometry = build_geometry(ROOMS[title]())
    assert geometry.seen_from_behind == ("as hung" in title, False)
    assert 75 <= geometry.view_angle_deg <= 105


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
