"""The bridge with a running service and an archive of a few lines: what cannot be paired, stored or answered."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Comprehensive3DSRStorage, DigitalXRayImageStorageForPresentation
from typer.testing import CliRunner

from benchmarks.processes import free_port, wait_until
from lumbar3d.cli.bridge import steps
from lumbar3d.cli.bridge.arrivals import Arrivals
from lumbar3d.cli.bridge.bounds import MOST_PDU_BYTES, Bounds, Dropped
from lumbar3d.cli.bridge.command import LEDGER
from lumbar3d.cli.bridge.ledger import Ledger
from lumbar3d.cli.bridge.receiver import Receiver
from lumbar3d.cli.bridge.sender import Sender
from lumbar3d.cli.bridge.spool import Spool
from lumbar3d.cli.bridge.steps import Bridge
from lumbar3d.cli.main import app
from lumbar3d.client import JobsClient
from lumbar3d.contracts import JobStatus
from lumbar3d.jobs import identity
from tests.integration.http_bench import HttpBench, http_bench
from tests.orthanc import CALIBRATION, demo_film

# pynetdicom leaves the socket of a connection that never became an association to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
REPORT_ONLY = (Comprehensive3DSRStorage,)


@dataclass
class Archive:
    """Takes reports alone; ``status`` is what it answers."""

    port: int
    status: int = 0
    taken: list[str] = field(default_factory=list)
    reports: list[Dataset] = field(default_factory=list)

    def on_store(self, event: Any) -> int:
        if self.status == 0:
            self.taken.append(str(event.dataset.SOPInstanceUID))
            self.reports.append(event.dataset)
        return self.status


@dataclass(frozen=True)
class Set:
    """All parts, and a modality that sends films."""

    bridge: Bridge
    bench: HttpBench
    archive: Archive
    folder: Path
    port: int
    refusals: list[str]

    def film(self, view: str, study: str, calling: str = "MODALITY", **changes: object) -> int | None:
        """C-STORE a film to the bridge; its status, None where the bridge takes no association."""
        modality = AE(ae_title=calling)
        modality.add_requested_context(DigitalXRayImageStorageForPresentation)
        association = modality.associate("127.0.0.1", self.port, ae_title="LUMBAR3D")
        if not association.is_established:
            return None
        status = association.send_c_store(dcmread(demo_film(self.folder, view, study, **changes))).Status
        association.release()
        return int(status)

    def step(self, bridge: Bridge | None = None) -> None:
        """One step, once the events have told what has ended."""
        bridge = bridge or self.bridge
        ended = [job for job in [*bridge.ends.waiting] if not self.is_unfinished(job)]
        wait_until(lambda: not bridge.ends.waiting.intersection(ended), "the events do not tell of an end")
        bridge.step()

    def is_unfinished(self, job: str) -> bool:
        return self.bench.client.get(f"/jobs/{job}").json().get("state") in ("queued", "running")

    def told(self) -> dict[str, Any]:
        """What ``lumbar3d bridge status`` says."""
        said = CliRunner().invoke(app, ["bridge", "status", "--folder", str(self.folder), "--json"])
        assert said.exit_code == 0
        document: dict[str, Any] = json.loads(said.stdout)
        return document

    def reasons(self) -> list[str]:
        return [entry["reason"] for entry in self.told()["entries"]]


@contextmanager
def archive_of_reports() -> Iterator[Archive]:
    archive, entity = Archive(free_port()), AE(ae_title="PACS")
    for kind in REPORT_ONLY:
        entity.add_supported_context(kind)
    handlers = [(evt.EVT_C_STORE, archive.on_store)]
    server = entity.start_server(("127.0.0.1", archive.port), block=False, evt_handlers=handlers)
    yield archive
    server.shutdown()


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Set]:
    folder, port = tmp_path / "bridge", free_port()
    with ExitStack() as stack:
        bench = stack.enter_context(http_bench(tmp_path / "service", identity_key=identity.new_key()))
        archive = stack.enter_context(archive_of_reports())
        client = stack.enter_context(JobsClient(str(bench.client.base_url)))
        spool, told = Spool(folder, 13 << 20), []
        arrivals = Arrivals(Ledger(folder / LEDGER), spool)
        sender = Sender("127.0.0.1", archive.port, "PACS", "LUMBAR3D")
        bounds = Bounds(film_bytes=3 << 20, spool_bytes=13 << 20, associations=2)
        listener = Receiver(arrivals, "LUMBAR3D", ("MODALITY",), bounds, told.append).listen("127.0.0.1", port)
        stack.callback(listener.shutdown)
        bridge = Bridge(arrivals.ledger, spool, client, sender, CALIBRATION, 0.0, require_accepted=False)
        yield Set(bridge, bench, archive, folder, port, told)


def test_an_archive_that_takes_only_some_has_those_and_the_list_says_so(parts: Set) -> None:
    parts = replace(parts, bridge=replace(parts.bridge, segmentation=True))
    assert parts.film("AP", "1.2.3") == parts.film("LL", "1.2.3") == 0
    parts.step()
    assert parts.told()["pairs"]["submitted"] == 1
    parts.bench.run_next()
    parts.archive.status = 0xA700
    parts.step()
    assert parts.reasons() == ["the archive cannot store at this moment (status A700)"]
    parts.archive.status = 0
    parts.step()
    assert len(parts.archive.taken) == 1 and parts.told()["pairs"]["stored"] == 1
    (reason,) = parts.reasons()
    assert (
        "does not take Secondary Capture" in reason
        and "does not take Encapsulated PDF" in reason
        and "does not take Encapsulated STL" in reason
    )
    parts.step()
    assert len(parts.archive.taken) == 1 and not [*(parts.folder / "films").iterdir()]


def test_a_draft_waits_for_whoever_accepts_it(parts: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "SIGN_OFF_S", 0.0)
    bridge = replace(parts.bridge, require_accepted=True)
    assert parts.film("AP", "1.2.3") == parts.film("LL", "1.2.3") == 0
    parts.step(bridge)
    parts.bench.run_next()
    parts.step(bridge)
    assert parts.reasons() == ["waits until somebody accepts the result"] and not parts.archive.taken
    (job,) = [entry["job"] for entry in parts.told()["entries"]]
    current = {"If-Match": parts.bench.client.get(f"/jobs/{job}").headers["etag"]}
    signing = {"state": "accepted", "name": "Dr M. Muster"}
    assert parts.bench.client.put(f"/jobs/{job}/review", json=signing, headers=current).status_code == 200
    parts.step(bridge)
    assert len(parts.archive.taken) == 1 and parts.told()["pairs"]["stored"] == 1


def test_an_end_is_told_by_events_and_looked_up_once(parts: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    look = JobsClient.status

    def counted(client: JobsClient, job: str) -> JobStatus:
        looks.append(job)
        return look(client, job)

    monkeypatch.setattr(JobsClient, "status", counted)
    assert parts.film("AP", "1.2.3") == parts.film("LL", "1.2.3") == 0
    for _ in range(5):
        parts.bridge.step()
    assert len(looks) == 1 and parts.bridge.ends.waiting == set(looks)
    parts.bridge.ends.news.clear()
    parts.bench.run_next()
    assert parts.bridge.ends.news.wait(10.0), "nobody had to ask"
    parts.bridge.step()
    assert len(looks) == 2 and parts.told()["pairs"]["stored"] == 1
    assert not parts.bridge.ends.waiting


def test_films_of_one_session_in_two_studies_are_a_pair_and_results_go_to_the_ap(parts: Set) -> None:
    session = {"AcquisitionDate": "20260301", "StationName": "ROOM1"}
    assert parts.film("AP", "1.2.3", **session, AcquisitionTime="101500") == 0
    assert parts.film("LL", "1.2.4", **session, AcquisitionTime="102959") == 0
    assert parts.film("LL", "1.2.5", **session, AcquisitionTime="103001") == 0
    parts.step()
    assert parts.told()["pairs"]["submitted"] == 1
    assert [entry["study"] for entry in parts.told()["entries"]] == ["1.2.5", "1.2.3"]
    parts.bench.run_next()
    parts.step()
    (report,) = parts.archive.reports
    assert report.StudyInstanceUID == "1.2.3"
    assert [each.StudyInstanceUID for each in report.CurrentRequestedProcedureEvidenceSequence] == ["1.2.3"]
    assert [each.StudyInstanceUID for each in report.PertinentOtherEvidenceSequence] == ["1.2.4"]


def test_what_cannot_be_paired_is_listed_with_its_reason(parts: Set) -> None:
    assert parts.film("AP", "1.1") == 0
    assert [parts.film(view, "1.2") for view in ("AP", "AP", "LL")] == [0, 0, 0]
    assert parts.film("AP", "1.3", BodyPartExamined="CHEST") == 0
    assert parts.film("AP", "1.4", ViewPosition="RLO") == 0
    assert parts.film("AP", "1.5", calling="STRANGER") is None
    parts.step()
    assert parts.reasons() == [
        "the study has no lateral film that is free",
        *3 * ["which belong together is not certain: 2 AP and 1 lateral films"],
        "Body Part Examined is not the spine",
        "View Position says neither AP or PA nor lateral",
    ]
    assert len([*(parts.folder / "films").iterdir()]) == 4, "what is in no pair for good is not kept"
    assert parts.film("LL", "1.1") == 0
    parts.step()
    assert parts.told()["pairs"]["submitted"] == 1


def test_what_the_service_refuses_or_rejects_has_ended(parts: Set) -> None:
    assert parts.film("AP", "1.1") == parts.film("LL", "1.1", PatientID="0815") == 0
    parts.step()
    assert len(parts.reasons()) == 1 and "view_mismatch" in parts.reasons()[0]
    assert parts.film("AP", "1.2") == parts.film("LL", "1.2") == 0
    parts.step()
    (parts.bench.folder / "fail").write_text("SpineTruncatedError")
    parts.bench.run_next()
    parts.step()
    assert parts.told()["pairs"] == {"paired": 0, "submitted": 0, "stored": 0, "ended": 2}
    assert "rejected: as the test asked (spine_truncated)" in parts.reasons()


def test_without_a_calibration_the_tags_must_say_it(parts: Set) -> None:
    assert parts.film("AP", "1.1") == parts.film("LL", "1.1") == 0
    replace(parts.bridge, calibration=None).step()
    (reason,) = parts.reasons()
    assert "Distance Source to Detector" in reason and reason.endswith("(invalid_calibration, HTTP 422)")


def test_a_job_that_was_erased_is_sent_again(parts: Set) -> None:
    assert parts.film("AP", "1.1") == parts.film("LL", "1.1") == 0
    parts.step()
    (first,) = [entry["job"] for entry in parts.told()["entries"]]
    parts.bench.run_next()
    assert parts.bench.client.delete(f"/jobs/{first}").status_code == 204
    parts.step()
    parts.step()
    (second,) = [entry["job"] for entry in parts.told()["entries"]]
    assert second not in (None, first)


def test_what_a_killed_bridge_left_is_removed_and_the_rest_kept(parts: Set) -> None:
    assert parts.film("AP", "1.1") == 0
    (kept,) = (parts.folder / "films").iterdir()
    (parts.folder / "films" / ".half.dcm.1").write_bytes(b"")
    (parts.folder / "films" / "unknown.dcm").write_bytes(b"")
    parts.bridge.tidy()
    assert [*(parts.folder / "films").iterdir()] == [kept]
    assert parts.bridge.ledger.expire(-1.0, "too old") and parts.reasons() == ["too old"]


OUT_OF_RESOURCES = 0xA700


def test_a_film_that_is_too_long_is_dropped_while_it_comes(parts: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[int] = []
    monkeypatch.setattr(Dropped, "write", lambda _self, data: dropped.append(len(data)))
    long = dcmread(demo_film(parts.folder, "AP", "1.2"))
    long.add_new(0x00091010, "OB", bytes(20 << 20))
    with sender(parts) as association:
        assert association.send_c_store(long).Status == OUT_OF_RESOURCES
        assert association.send_c_store(dcmread(demo_film(parts.folder, "LL", "1.2"))).Status == 0, "it goes on"
    assert sum(dropped) > 16 << 20
    (entry,) = [entry for entry in parts.told()["entries"] if entry["state"] == "refused"]
    assert entry["reason"] == "the film has more than 3 MiB"
    assert parts.refusals == ["a film is refused: the film has more than 3 MiB"]
    assert [path.stat().st_size < 3 << 20 for path in (parts.folder / "films").iterdir()] == [True]


def test_a_film_that_unfolds_to_a_large_one_is_not_unfolded(parts: Set) -> None:
    bomb = dcmread(demo_film(parts.folder, "AP", "1.2"))
    bomb.add_new(0x00091010, "OB", bytes(64 << 20))
    bomb.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    with sender(parts, DeflatedExplicitVRLittleEndian) as association:
        assert association.send_c_store(bomb).Status == OUT_OF_RESOURCES
    assert parts.reasons() == ["the film has more than 3 MiB"]


def test_films_that_fill_the_folder_are_refused_until_others_are_answered(parts: Set) -> None:
    statuses = [parts.film("AP", f"1.{study}") for study in range(8)]
    taken = statuses.count(0)
    assert statuses == [0] * taken + [OUT_OF_RESOURCES] * (8 - taken) and 1 < taken < 8
    assert sum(path.stat().st_size for path in (parts.folder / "films").iterdir()) <= 13 << 20
    refused = [entry for entry in parts.told()["entries"] if entry["state"] == "refused"]
    assert [entry["study"] for entry in refused] == [f"1.{study}" for study in range(taken, 8)]
    assert {entry["reason"] for entry in refused} == {"films that wait already fill the 13 MiB of --max-waiting-mb"}
    assert len(parts.refusals) == 8 - taken
    for path in (parts.folder / "films").iterdir():
        path.unlink()
    assert parts.film("AP", f"1.{taken}", SOPInstanceUID=refused[0]["instances"][0]) == 0
    assert len([entry for entry in parts.told()["entries"] if entry["state"] == "refused"]) == 7 - taken


def test_more_associations_than_may_be_are_rejected_and_connections_closed(parts: Set) -> None:
    with sender(parts), sender(parts):
        refused = modality().associate("127.0.0.1", parts.port, ae_title="LUMBAR3D")
        assert refused.is_rejected
        idle = [socket.create_connection(("127.0.0.1", parts.port)) for _ in range(6)]
        closed = [one for one in idle if is_closed(one)]
        assert len(closed) >= 4, "those that never ask are bounded too"
        for one in idle:
            one.close()
    assert parts.refusals == ["an association is refused: an AE title that may not send, or too many at the same time"]
    wait_until(lambda: parts.film("AP", "1.2") == 0, "others are taken afterwards")


def test_what_is_no_sender_is_cut_off(parts: Set) -> None:
    with socket.create_connection(("127.0.0.1", parts.port)) as enemy:
        enemy.sendall(struct.pack(">BBL", 1, 0, MOST_PDU_BYTES + 1))
        assert is_closed(enemy)
    assert parts.film("AP", "1.2") == 0


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(2.0)
    try:
        return connection.recv(1 << 10) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def modality(syntax: str = ExplicitVRLittleEndian) -> AE:
    entity = AE(ae_title="MODALITY")
    entity.add_requested_context(DigitalXRayImageStorageForPresentation, syntax)
    entity.add_requested_context("1.2.840.10008.1.1")
    return entity


@contextmanager
def sender(parts: Set, syntax: str = ExplicitVRLittleEndian) -> Iterator[Association]:
    association = modality(syntax).associate("127.0.0.1", parts.port, ae_title="LUMBAR3D")
    assert association.is_established
    yield association
    association.release()
