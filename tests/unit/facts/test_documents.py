"""Documents of a request: read with a byte order mark, refused with pointers into what was sent."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbar3d.contracts import Calibration
from lumbar3d.documents import EDIT_TYPES, VIEW_TYPES, parse_calibration, parse_revision
from lumbar3d.edits import Edit, SetHips
from lumbar3d.errors import CalibrationError, RevisionError


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


def test_no_way_to_tell_a_view_is_part_of_a_pointer() -> None:
    for kind in VIEW_TYPES:
        with pytest.raises(CalibrationError) as caught:
            parse_calibration(json.dumps({"version": "1.0", "ap": {"type": kind}, "lat": {"type": kind}}).encode())
        assert {fault["pointer"].count("/") for fault in caught.value.faults} == {2}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("ap", "source_mm", 0), "DOE^JANE", "input should be a valid number; found text"),
        (("ap", "source_mm", 0), None, "input should be a valid number; found null"),
        (("ap", "source_mm", 0), [1], "input should be a valid number; found a list"),
        (("lat", "columns"), 1e300, "input should be less than or equal to 20000; found a number too large"),
        (("lat", "columns"), 15.0, "input should be greater than or equal to 16; found 15"),
        (("version",), "DOE^JANE", "input should be '1.0'; found text"),
        (("lat", "type"), "DOE^JANE", 'type must be "matrix" or "geometry" or "slot"; found an object'),
    ],
)
def test_faults_say_what_is_expected_and_quote_no_text(
    calibration: Calibration, place: tuple[str | int, ...], value: object, message: str
) -> None:
    document = calibration.model_dump(mode="json")
    target: Any = document
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value
    with pytest.raises(CalibrationError) as caught:
        parse_calibration(json.dumps(document).encode())
    assert caught.value.faults[0]["message"] == message
    assert "JANE" not in str(caught.value) and message in str(caught.value)


@pytest.mark.parametrize(
    ("at", "name", "message"),
    [
        ("ap", "pixel_spacing", "found 1 in field 9 of 9, perhaps pixel_spacing_mm is meant"),
        ("ap", "DOE^JANE", "found 1 in field 9 of 9"),
        ("lat", "9" * 5000, "found 1 in field 9 of 9"),
    ],
)
def test_an_unknown_field_is_known_by_its_place(calibration: Calibration, at: str, name: str, message: str) -> None:
    document = calibration.model_dump(mode="json", exclude_unset=True)
    document[at] = dict(list(document[at].items())[:8]) | {name: 1}
    with pytest.raises(CalibrationError) as caught:
        parse_calibration(json.dumps(document).encode())
    faults = {fault["message"] for fault in caught.value.faults if fault["code"] == "extra_forbidden"}
    assert faults == {f"the contract has no such field; {message}"}
    assert all(fault["pointer"] == f"/{at}" for fault in caught.value.faults) and "JANE" not in str(caught.value)


def test_an_unknown_field_of_an_edit() -> None:
    edit = {"type": "rename", "by": 1, "levels": 1}
    with pytest.raises(RevisionError) as caught:
        parse_revision(json.dumps({"name": "Dr M. Muster", "edits": [edit]}).encode())
    assert "/edits/0" in {fault["pointer"] for fault in caught.value.faults}


def test_every_kind_of_edit_is_known_to_the_pointers() -> None:
    kinds = get_args(get_args(Edit)[0])
    assert tuple(get_args(kind.model_fields["type"].annotation)[0] for kind in kinds) == EDIT_TYPES


HIPS = {"type": "set_hips", "ap_left_px": [300.0, 400.0], "ap_right_px": [100.0, 400.0], "lat_px": [[200.0, 410.0]]}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=8,
)


@given(st.sampled_from(sorted(HIPS.keys() - {"type"})), ANYTHING)
def test_femoral_heads_are_pairs_of_numbers_or_refused(field: str, value: object) -> None:
    text = json.dumps({"name": "Dr M. Muster", "edits": [HIPS | {field: value}]}).encode()
    try:
        (edit,) = parse_revision(text).edits
    except RevisionError as error:
        assert all(fault["pointer"].startswith("/edits") or not fault["pointer"] for fault in error.faults)
        return
    assert isinstance(edit, SetHips) and 1 <= len(edit.lat_px) <= 2
    assert all(
        abs(number) < float("inf") for place in (edit.ap_left_px, edit.ap_right_px, *edit.lat_px) for number in place
    )


def test_a_number_too_large_for_a_pixel_is_no_number() -> None:
    with pytest.raises(RevisionError):
        parse_revision(b'{"name": "a", "edits": [{"type": "set_hips", "ap_left_px": [1e999, 1], "ap_right_px": [1, 1], '
                       b'"lat_px": [[1, 1]]}]}')  # fmt: skip
