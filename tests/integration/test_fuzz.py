"""A short run of the fuzz benchmark: nothing but typed refusals, and no answer 5xx."""

from __future__ import annotations

from benchmarks import fuzz
from lumbar3d.errors import RadiographError


def test_damaged_files_and_documents_get_typed_refusals() -> None:
    files, documents = fuzz.files(2.0, 1), fuzz.documents(40, 1)
    for found in (files["inspected"], documents):
        assert found["untyped_errors"] == 0, found["first_untyped"]
        assert 0 < found["outcomes"]["accepted"] < found["inputs"], "the damage is neither nothing nor everything"
    assert files["decoded"]["untyped_errors"] == 0, files["decoded"]["first_untyped"]


def test_running_service_never_answers_5xx() -> None:
    found = fuzz.service(per_operation=3, pairs=12, first_seed=1)
    assert found["answers_5xx"] == 0, found["statuses"]
    assert "GET /jobs/{job_id}/result" in found["operations_that_answered_2xx"], "nothing was behind a finished job"
    assert found["peak_mib"] > 50


def test_what_is_untyped_is_counted() -> None:
    found = fuzz.Found()
    with found.watch():
        raise RadiographError("typed")
    with found.watch():
        raise KeyError("untyped")
    assert found.record()["untyped_errors"] == 1 and found.record()["inputs"] == 2
