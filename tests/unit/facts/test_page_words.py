"""Words of the page for codes: of codes that the books have, and of no others."""

from __future__ import annotations

import re
from pathlib import Path

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.contracts import Stage
from lumbar3d.measurement.catalogue import CATALOGUE
from lumbar3d.notes import NOTES, REASONS

PAGE = Path(__file__).resolve().parents[3] / "page/src"


def keys(name: str) -> set[str]:
    """Keys of a constant of ``wording.ts``."""
    found = re.search(rf"^const {name}: [^=]* = {{\n(.*?)^}};", (PAGE / "wording.ts").read_text(), re.M | re.S)
    assert found is not None, name
    return set(re.findall(r"^  (\w+):", found[1], re.MULTILINE))


def test_landmarks_have_words() -> None:
    assert keys("LANDMARKS") == {*LANDMARKS, "centre"}


def test_cures_are_of_reasons_and_notes_that_exist() -> None:
    assert keys("REASON_CURES") == REASONS.keys()
    assert keys("NOTE_CURES") <= NOTES.keys()


def test_codes_of_measurements_are_of_the_catalogue() -> None:
    sources = [path.read_text() for path in PAGE.rglob("*.tsx")]
    codes = {code for text in sources for code in re.findall(r'code === "(\w+)"', text)}
    headlines = re.findall(r'^  \["(\w+)", ', (PAGE / "panel/glance.tsx").read_text(), re.MULTILINE)
    assert len(headlines) > 3 and len(codes) > 1
    assert {*codes, *headlines} <= set(CATALOGUE)


def test_stages_are_those_of_a_job() -> None:
    text = (PAGE / "panel/progress.tsx").read_text()
    assert re.findall(r'^  \["(\w+)", ', text, re.MULTILINE) == [stage.value for stage in Stage]


def test_parts_of_landmarks_are_of_the_list() -> None:
    named = set(re.findall(r'"(\w+_(?:endplate_centre|left|right|tip))"', (PAGE / "panel/editor.ts").read_text()))
    assert named and named <= set(LANDMARKS)
