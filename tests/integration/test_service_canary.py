"""Planted patient data must not be found in logs, errors, metrics, database texts or headers."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.conftest import calibration_document
from tests.integration.processes import IMAGE, embedded, submit, wait_for
from tests.tiny_engine import grey_png

CANARY = "CANARY-DOE-JANE"
PNG_WITH_NAME = grey_png(1024, 1024, text=CANARY.encode())


def everything_said(folder: Path, answers: list[httpx.Response]) -> str:
    said = [str(answer.headers) + answer.text for answer in answers]
    said += [path.read_text(errors="replace") for path in folder.glob("*.log")]
    said += [path.read_bytes().decode("latin-1") for path in folder.glob("jobs.sqlite3*")]
    return "\n".join(said)


def test_no_patient_data_is_said_anywhere(tmp_path: Path) -> None:
    with embedded(tmp_path, retry_delay_s="0.05", log_level="DEBUG") as server:
        named = (f"{CANARY}.png", PNG_WITH_NAME, CANARY)
        (server.trouble / "fail").write_text(f"planted:{CANARY}")
        accepted = submit(server.url, ap=named, lat=named)
        failed = wait_for(server.url + accepted.headers["Location"], "failed")
        assert failed["error"]["code"] == "internal_error"
        spoilt = json.dumps(calibration_document() | {"patient": CANARY, "version": CANARY}).encode()
        answers = [
            accepted,
            submit(server.url, ap=named, lat=(CANARY, CANARY.encode())),
            submit(server.url, calibration=(CANARY, spoilt)),
            submit(server.url, options=(CANARY, f'{{"method": "{CANARY}"}}'.encode())),
            submit(server.url, **{CANARY: (CANARY, IMAGE)}),
            submit(server.url, {"Authorization": f"Bearer {CANARY}", "Idempotency-Key": f"{CANARY} x"}),
            httpx.get(f"{server.url}/jobs/{CANARY}"),
            httpx.get(f"{server.url}/{CANARY}?name={CANARY}"),
            httpx.get(f"{server.url}/jobs/{failed['id']}/meshes/{CANARY}.stl"),
            httpx.request(CANARY, f"{server.url}/healthz"),
            httpx.get(f"{server.url}/metrics"),
        ]
        assert [answer.status_code for answer in answers[:3]] == [202, 415, 422]
        said = everything_said(tmp_path, answers)
    assert failed["id"] in said and '"route": "/reconstruct"' in said, "the logs were read"
    assert CANARY not in said and "DOE^JANE" not in said


@pytest.mark.parametrize("path", ["/metrics"])
def test_metrics_count_by_template(tmp_path: Path, path: str) -> None:
    with embedded(tmp_path) as server:
        address = server.url + submit(server.url).headers["Location"]
        wait_for(address, "succeeded")
        text = httpx.get(server.url + path).text
    assert 'lumbar3d_jobs{state="succeeded"} 1.0' in text
    assert 'route="/jobs/{job_id}"' in text and 'route="/reconstruct",status="202"} 1.0' in text
