"""``GET /jobs/{id}/report.html`` and ``report.pdf`` of a running service."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pypdf
import pytest

from lumbar3d.dicom_out import archive
from lumbar3d.export.report.page import POLICY
from lumbar3d.jobs import identity
from lumbar3d.service.routes import report
from tests.integration.http_bench import http_bench, problem
from tests.integration.test_service_dicom import film


def test_the_report_is_made_once_and_both_forms_name_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    makings, made = [], report.made
    monkeypatch.setattr(report, "made", lambda *parts: makings.append(parts[0]) or made(*parts))
    with http_bench(tmp_path) as bench:
        address = bench.submitted()
        problem(bench.client.get(address + "/report.pdf"), 409, "result_not_ready")
        bench.run_next()
        job, answers = address.rsplit("/", 1)[1], {}
        for form in ("html", "pdf"):
            answers[form] = bench.client.get(f"{address}/report.{form}")
            again = bench.client.get(
                f"{address}/report.{form}", headers={"If-None-Match": answers[form].headers["etag"]}
            )
            assert (answers[form].status_code, again.status_code) == (200, 304)
            assert bench.client.get(f"{address}/report.{form}").content == answers[form].content
        assert len(makings) == 2
        assert answers["html"].headers["content-security-policy"] == POLICY and job in answers["html"].text
        assert answers["pdf"].headers["content-disposition"] == f'inline; filename="{job}-report.pdf"'
        (page,) = pypdf.PdfReader(io.BytesIO(answers["pdf"].content)).pages
        assert job in page.extract_text() and "draft, not signed" in page.extract_text()
        signing = {"state": "accepted", "name": "Dr M. Muster"}
        current = {"If-Match": bench.client.get(address).headers["etag"]}
        assert bench.client.put(address + "/review", json=signing, headers=current).status_code == 200
        told = {"If-None-Match": answers["html"].headers["etag"]}
        assert "accepted by Dr M. Muster" in bench.client.get(address + "/report.html", headers=told).text
        assert bench.client.delete(address).status_code == 204
        problem(bench.client.get(address + "/report.pdf"), 404, "job_not_found")


def test_objects_for_the_archive_are_made_once_for_all_who_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    makings, made = [], archive.dicom_archive
    monkeypatch.setattr(archive, "dicom_archive", lambda *parts: makings.append(parts[0]) or made(*parts))
    with http_bench(tmp_path, identity_key=identity.new_key()) as bench, ThreadPoolExecutor(4) as clients:
        submitted = bench.submit(ap=film(tmp_path, "AP"), lat=film(tmp_path, "LL")).headers["Location"]
        bench.run_next()
        answers = [*clients.map(lambda _: bench.client.get(submitted + "/dicom.zip"), range(4))]
        assert {each.status_code for each in answers} == {200} and len({each.content for each in answers}) == 1
        assert len(makings) == 1
