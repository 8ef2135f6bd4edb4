"""A short run of the fuzz benchmark: nothing but typed refusals, and no answer 5xx."""

from __future__ import annotations

from benchmarks import fuzz
from benchmarks.fuzz_documents import documents as fuzzed_documents
from benchmarks.fuzz_files import files as fuzzed_files
from benchmarks.fuzz_outcomes import Found
from benchmarks.fuzz_service import REACHED, service
from lumbar3d.errors import RadiographError


def test_damaged_files_and_documents_get_typed_refusals() -> None:
    files, documents = fuzzed_files(200, 1), fuzzed_documents(40, 1)
    for found in (files["inspected"], documents):
        assert found["untyped_errors"] == 0, found["first_untyped"]
        assert 0 < found["outcomes"]["accepted"] < found["inputs"], "the damage is neither nothing nor everything"
    assert files["decoded"]["untyped_errors"] == 0, files["decoded"]["first_untyped"]


def test_running_service_never_answers_5xx() -> None:
    found = service(per_operation=3, pairs=12, first_seed=1)
    assert found["answers_5xx"] == 0, found["statuses"]
    assert "GET /jobs/{job_id}/result" in found[REACHED], "nothing was behind a finished job"
    assert found["peak_mib"] > 50


def test_what_is_untyped_is_counted() -> None:
    found = Found()
    with found.watch():
        raise RadiographError("typed")
    with found.watch():
        raise KeyError("untyped")
    assert found.record()["untyped_errors"] == 1 and found.record()["inputs"] == 2


def test_blocks_are_summed() -> None:
    counts = {"inputs": 2, "untyped_errors": 1, "outcomes": {"accepted": 1, "KeyError": 1}, "first_untyped": ["x"]}
    served = {"statuses": {"200": 3, "500": 1}, "answers_5xx": 1, REACHED: ["GET /a"], "peak_mib": 90}
    first = {
        "files": {"inspected": counts, "decoded": counts, "peak_mib": 80},
        "documents": counts | {"peak_mib": 70},
        "service": served,
    }
    second = first | {"service": served | {REACHED: ["GET /b"], "peak_mib": 95}}
    total = fuzz.summary([first, second])
    assert total["files"]["inspected"]["inputs"] == 4 and total["documents"]["untyped_errors"] == 2
    assert (total["service"]["requests"], total["service"]["answers_5xx"], total["service"]["peak_mib"]) == (8, 2, 95)
    assert total["service"][REACHED] == ["GET /a", "GET /b"]
