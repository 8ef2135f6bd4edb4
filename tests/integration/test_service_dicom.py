"""``GET /jobs/{id}/dicom.zip`` of a running service: from de-identified films back into their study."""

from __future__ import annotations

import hashlib
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom

from lumbar3d.jobs import identity
from tests.integration.http_bench import http_bench, problem
from tests.unit.radiograph_files import dicom, write_dicom

KEY = identity.new_key()


def film(folder: Path, view: str, **changes: object) -> tuple[str, bytes]:
    """A DICOM film for the calibration of the tests."""
    dataset = dicom((np.add.outer(np.arange(1024), np.arange(1024)) % 4096).astype(np.uint16))
    dataset.ImagerPixelSpacing, dataset.ViewPosition = [0.42, 0.42], view
    dataset.PatientName, dataset.SeriesInstanceUID = "Doe^Jane", f"1.2.3.4.{len(view)}{view == 'AP':d}"
    for name, value in changes.items():
        setattr(dataset, name, value)
    return "film", write_dicom(folder / view, dataset).read_bytes()


def test_dicom_goes_back_where_it_came_from(tmp_path: Path) -> None:
    ap, lat = film(tmp_path, "AP"), film(tmp_path, "LL")
    with http_bench(tmp_path, identity_key=KEY) as bench:
        address = bench.submit(ap=ap, lat=lat).headers["Location"] + "/dicom.zip"
        problem(bench.client.get(address), 409, "result_not_ready")
        bench.run_next()
        answer = bench.client.get(address)
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(BytesIO(answer.content)) as files:
            report = pydicom.dcmread(BytesIO(files.read("measurements.dcm")))
        assert (report.PatientName, report.StudyInstanceUID) == ("Doe^Jane", "1.2.3.4")
        sent = {str(pydicom.dcmread(BytesIO(body)).SOPInstanceUID) for _, body in (ap, lat)}
        assert sent == {
            item.ReferencedSOPInstanceUID
            for series in report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
            for item in series.ReferencedSOPSequence
        }
        segmented = bench.client.get(address.replace("dicom.zip", "segmentation.dcm"))
        assert (segmented.status_code, segmented.headers["content-type"]) == (200, "application/dicom")
        assert pydicom.dcmread(BytesIO(segmented.content)).StudyInstanceUID == "1.2.3.4"
        etag = f'"{hashlib.sha256(answer.content).hexdigest()}"'
        again = bench.client.get(address, headers={"If-None-Match": etag})
        assert answer.headers["etag"] == etag and again.status_code == 304, "made anew, the same bytes"


def test_what_cannot_go_back_says_why(tmp_path: Path) -> None:
    with http_bench(tmp_path / "with", identity_key=KEY) as bench:
        png = bench.submitted()
        bench.run_next()
        problem(bench.client.get(png + "/dicom.zip"), 409, "source_not_dicom")
        ap, lat = film(tmp_path, "AP"), film(tmp_path, "LL", SeriesInstanceUID="")
        nameless = bench.submit(ap=ap, lat=lat).headers["Location"]
        bench.run_next()
        lacking = problem(bench.client.get(nameless + "/dicom.zip"), 409, "source_not_dicom")
        assert lacking["detail"].endswith(": lat")
    with http_bench(tmp_path / "with") as bench:
        problem(bench.client.get(nameless + "/dicom.zip"), 501, "identity_unavailable")
    with http_bench(tmp_path / "with", identity_key=identity.new_key()) as bench:
        problem(bench.client.get(nameless + "/dicom.zip"), 501, "identity_unavailable")
