"""Logs: allowed fields, no text of others."""

from __future__ import annotations

import json
import logging
import sys

from lumbar3d.jobs.jsonlog import JsonFormatter

PATIENT = "DOE^JANE"


def formatted(name: str, message: str, *arguments: object, **extra: object) -> dict[str, object]:
    record = logging.LogRecord(name, logging.INFO, "file.py", 7, message, arguments, None)
    record.__dict__.update(extra)
    entry: dict[str, object] = json.loads(JsonFormatter().format(record))
    return entry


def test_our_events_carry_allowed_fields_only() -> None:
    entry = formatted(
        "lumbar3d.worker.runner", "attempt ended", job_id="j", stage="register", patient=PATIENT, file=PATIENT
    )
    assert entry["event"] == "attempt ended"
    assert (entry["job_id"], entry["stage"]) == ("j", "register")
    assert PATIENT not in json.dumps(entry)


def test_arguments_are_never_written() -> None:
    assert PATIENT not in json.dumps(formatted("lumbar3d.service.app", "got %s", PATIENT))


def test_foreign_text_is_replaced_by_its_place() -> None:
    for name in ("py.warnings", "pydicom", "PIL.PngImagePlugin", "sqlalchemy.engine"):
        entry = formatted(name, f"Invalid value for VR PN: {PATIENT}")
        assert entry["event"] == "file:7" and PATIENT not in json.dumps(entry)


def test_exceptions_keep_their_type_and_place_not_their_text() -> None:
    try:
        raise ValueError(PATIENT)
    except ValueError:
        record = logging.LogRecord("worker", logging.ERROR, "file.py", 7, "attempt failed", (), sys.exc_info())
    text = JsonFormatter().format(record)
    assert json.loads(text)["error"] == "ValueError"
    assert "test_exceptions_keep_their_type" in text and PATIENT not in text
