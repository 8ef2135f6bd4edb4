"""Notes on a file are known to the contract and to the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbar3d.contracts import ReconstructionResult
from lumbar3d.geometry.calibration import SEEN_FROM_BEHIND
from lumbar3d.imaging.consistency import DETECTOR_DISTANCE, PATIENT_DISTANCE, TWO_STUDIES
from lumbar3d.imaging.header import EIGHT_BIT, LOSSY

WORDING = (Path(__file__).resolve().parents[2] / "service/web/js/wording.js").read_text()


@pytest.mark.parametrize("note", [EIGHT_BIT, LOSSY, SEEN_FROM_BEHIND, TWO_STUDIES, DETECTOR_DISTANCE, PATIENT_DISTANCE])
def test_a_note_is_explained_and_published(note: str) -> None:
    assert f"\n  {note}: " in WORDING
    assert note in (ReconstructionResult.model_fields["notes"].description or "")
