"""The book of notes: every note and reason that a result may bear is explained and published."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from lumbar3d import quality
from lumbar3d.contracts import ReconstructionResult
from lumbar3d.geometry.calibration import SEEN_FROM_BEHIND
from lumbar3d.imaging import header
from lumbar3d.imaging.consistency import DETECTOR_DISTANCE, ORIENTATION, PATIENT_DISTANCE, TWO_STUDIES
from lumbar3d.notes import DOUBTFUL, NOTES, REASONS
from lumbar3d.refusal.laterality import AP_PERHAPS_MIRRORED

ROOT = Path(__file__).resolve().parents[3]
PAIR = (
    quality.VIEWS_SHIFTED,
    quality.UNLIKE_TRAINING,
    quality.COUNT_UNSURE,
    quality.NOT_FIVE,
    quality.NAMES_UNSURE,
    quality.GEOMETRY_REFINED,
    quality.GEOMETRY_FAR_OFF,
    quality.VIEWS_OBLIQUE,
    quality.EDITED,
    TWO_STUDIES,
)


def remarks(path: str) -> set[str]:
    """Keys of the dictionaries named ``remarks``, of which the notes on one film are made."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Assign) and [target.id for target in node.targets if isinstance(target, ast.Name)] == [
            "remarks"
        ]:
            assert isinstance(node.value, ast.Dict)
            keys = [key.value if isinstance(key, ast.Constant) else getattr(header, key.id) for key in node.value.keys]
            found.update(keys)
    assert found, path
    return found


def test_notes_on_a_film_are_in_the_book() -> None:
    said = remarks("lumbar3d/imaging/preprocess.py") | remarks("lumbar3d/imaging/header.py")
    said |= {AP_PERHAPS_MIRRORED.removeprefix("ap_"), SEEN_FROM_BEHIND}
    said |= {DETECTOR_DISTANCE, PATIENT_DISTANCE, ORIENTATION}
    assert said == {code for code, note in NOTES.items() if note.of_film}


def test_notes_on_the_pair_are_in_the_book() -> None:
    assert {*PAIR, "view_angle_unusual"} == {code for code, note in NOTES.items() if not note.of_film}


def test_reasons_are_in_the_book() -> None:
    assert set(quality._REASONS.values()) == set(REASONS)


@pytest.mark.parametrize("note", NOTES)
def test_a_note_is_published(note: str) -> None:
    assert re.search(rf"\b{note}\b", ReconstructionResult.model_fields["notes"].description or "")


def test_docs_name_the_notes_that_ask_for_review() -> None:
    text = (ROOT / "docs/refusals.md").read_text()
    (sentence,) = re.findall(r"^Less than that makes the answer `review`, with a note: (.*)$", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", sentence)) == DOUBTFUL - {"lat_perhaps_mirrored"}
