"""Pelvis in words: not measured and why, or of femoral heads that somebody has placed, in report and FHIR."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbar3d.contracts import Sacrum
from lumbar3d.export.fhir import bundle
from lumbar3d.export.report.content import Heading, report_of
from tests.report_case import result, stored_result

PLACED = result(()).sacrum
assert PLACED is not None

WITHOUT_PLATE = PLACED.model_copy(update={"plate": None, "absent": "edge_unclear", "pelvis": "no_plate"})
RESTS = "Pelvic incidence and tilt rest on femoral heads that were placed by hand."


@pytest.mark.parametrize(
    ("sacrum", "fhir", "remark"),
    [
        (PLACED, RESTS, RESTS),
        (
            WITHOUT_PLATE,
            "S1 is not measured: the lateral image shows no clear edge of its plate. Pelvic incidence and tilt are not "
            "given: the femoral heads are placed, but the plate of S1 is not measured.",
            "Pelvic incidence is not given: the femoral heads are placed, but the plate of S1 is not measured.",
        ),
        (
            Sacrum(plate=PLACED.plate),
            "not given: nothing here finds the femoral heads, and nobody has placed them.",
            None,
        ),
        (None, None, None),
    ],
)
def test_the_pelvis_in_words(sacrum: Sacrum | None, fhir: str | None, remark: str | None, tmp_path: Path) -> None:
    read = stored_result(tmp_path)
    changed = result(()).model_copy(update={"sacrum": sacrum})
    (tmp_path / "result.json").write_text(changed.model_dump_json())
    conclusion = bundle(changed, "a")["entry"][0]["resource"]["conclusion"]
    assert (fhir in conclusion) if fhir else "elvic" not in conclusion
    said = [each for each in report_of(read, Heading()).remarks if "elvic" in each]
    assert said == ([] if remark is None else [remark])
