"""DICOMweb of the bridge with an archive that answers as a test says: what is refused, broken or not there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
from pydicom import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from lumbar3d.cli.bridge import web
from lumbar3d.cli.bridge.arrivals import Arrivals
from lumbar3d.cli.bridge.ledger import Ledger
from lumbar3d.cli.bridge.pairing import why_not
from lumbar3d.cli.bridge.spool import Spool
from lumbar3d.cli.bridge.web import WebSender, WebSource
from lumbar3d.cli.errors import CliError
from tests.unit.radiograph_files import dicom, write_dicom

DX = "1.2.840.10008.5.1.4.1.1.1.1"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"


class Archive:
    """One series with these instances; counts what it is asked."""

    def __init__(self, instances: dict[str, tuple[str, Any]]) -> None:
        self.instances, self.asked, self.failing = instances, 0, False

    def search_for_series(self, search_filters: dict[str, str], **_: object) -> list[dict[str, Any]]:
        if self.failing:
            raise requests.ConnectionError
        found = {"0020000D": {"Value": ["1.2"]}, "0020000E": {"Value": ["1.2.3"]}}
        found["00201209"] = {"Value": [len(self.instances)]}
        return [found] if search_filters["Modality"] == "DX" else []

    def search_for_instances(self, study: str, series: str, **_: object) -> list[dict[str, Any]]:
        self.asked += 1
        return [
            {"00080018": {"Value": [sop]}, "00080016": {"Value": [kind]}} for sop, (kind, _) in self.instances.items()
        ]

    def retrieve_instance(self, study: str, series: str, sop: str, media_types: object) -> Dataset:
        answer = self.instances[sop][1]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Dataset)
        return answer


@pytest.fixture
def arrivals(tmp_path: Path) -> Arrivals:
    spool = Spool(tmp_path / "bridge")
    return Arrivals(Ledger(tmp_path / "bridge" / "ledger"), spool)


@pytest.fixture
def film(tmp_path: Path) -> Dataset:
    dataset = dicom((np.add.outer(np.arange(128), np.arange(128)) % 4096).astype(np.uint16))
    dataset.ViewPosition, dataset.StudyInstanceUID = "AP", "1.2"
    return pydicom.dcmread(write_dicom(tmp_path / "film.dcm", dataset))


def test_films_are_taken_once_and_others_are_left(arrivals: Arrivals, film: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(web, "POLL_S", 0.0)
    sop = str(film.SOPInstanceUID)
    archive = Archive({sop: (DX, film), "1.9": (SECONDARY, AssertionError("not asked for"))})
    source = WebSource(archive, arrivals, 2)
    source.poll()
    assert [(each.sop, each.view) for each in arrivals.ledger.unpaired()["1.2"]] == [(sop, "ap")]
    assert pydicom.dcmread(arrivals.spool.film(sop)).pixel_array.tolist() == film.pixel_array.tolist()
    source.poll()
    assert archive.asked == 1, "nothing has come since"
    archive.instances["1.10"] = (DX, ValueError("broken"))
    WebSource(archive, arrivals, 2).poll()
    studies = arrivals.ledger.unpaired()
    assert [why_not(each, studies) for each in studies["1.2"] if each.sop == "1.10"] == [
        "the archive gave no such DICOM file"
    ]


def test_an_answer_with_another_film_is_not_taken(arrivals: Arrivals, film: Dataset) -> None:
    WebSource(Archive({"1.11": (DX, film)}), arrivals, 2).poll()
    (found,) = arrivals.ledger.unpaired()["1.2"]
    assert found.fault and not arrivals.spool.film("1.11").exists()


def test_an_archive_that_does_not_answer_is_asked_again(arrivals: Arrivals, film: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(web, "POLL_S", 0.0)
    archive = Archive({str(film.SOPInstanceUID): (DX, film)})
    archive.failing, source = True, WebSource(archive, arrivals, 2)
    with pytest.raises(CliError, match="ConnectionError"):
        source.poll()
    archive.failing = False
    source.poll()
    assert arrivals.ledger.knows(str(film.SOPInstanceUID))


def answered(answer: object) -> dict[str, str | None]:
    """What a sender tells of one object when the archive answers so."""

    def store(_instances: list[Dataset]) -> Dataset:
        if isinstance(answer, Exception):
            raise answer
        document = Dataset()
        for name, fields in dict(answer).items():
            item = Dataset()
            for keyword, value in fields.items():
                setattr(item, keyword, value)
            setattr(document, name, [item])
        return document

    sent, told = Dataset(), {}
    sent.SOPInstanceUID, sent.SOPClassUID = "1.5", EncapsulatedPDFStorage
    WebSender(SimpleNamespace(store_instances=store)).send([sent], told.__setitem__)
    return told


def http(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


def test_stored_refused_and_not_now_are_told_apart() -> None:
    assert answered({"ReferencedSOPSequence": {"ReferencedSOPInstanceUID": "1.5"}}) == {"1.5": None}
    refused = answered({"FailedSOPSequence": {"FailureReason": 0x0122}})
    assert refused == {"1.5": "the archive refuses the object (status 0122)"}
    assert answered(http(415)) == {"1.5": "the archive refuses Encapsulated PDF Storage (HTTP 415)"}
    for passing in (http(503), http(401), requests.ConnectionError(), {}):
        with pytest.raises(CliError):
            answered(passing)
    with pytest.raises(CliError, match="A700"):
        answered({"FailedSOPSequence": {"FailureReason": 0xA700}})
