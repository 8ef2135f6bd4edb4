"""Documents of a request: read with a byte order mark, refused with pointers into what was sent."""

import json

import pytest

from lumbar3d.contracts import Calibration
from lumbar3d.errors import CalibrationError
from service.documents import parse_calibration


def test_a_byte_order_mark_is_no_fault(calibration: Calibration) -> None:
    text = calibration.model_dump_json().encode()
    assert parse_calibration(b"\xef\xbb\xbf" + text) == parse_calibration(text)


@pytest.mark.parametrize("number", ["1050.0", None, True])
def test_pointers_resolve_in_the_document_that_was_sent(calibration: Calibration, number: object) -> None:
    document = calibration.model_dump(mode="json")
    document["ap"]["source_mm"][0] = number
    with pytest.raises(CalibrationError) as caught:
        parse_calibration(json.dumps(document).encode())
    (fault,) = caught.value.faults
    assert fault["pointer"] == "/ap/source_mm/0"
    place = document
    for part in fault["pointer"].split("/")[1:]:
        place = place[int(part)] if isinstance(place, list) else place[part]
    assert place == number
