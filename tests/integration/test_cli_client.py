"""``submit``, ``status``, ``wait``, ``download`` against a live service, and what they say when it goes wrong."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from lumbar3d import __version__
from lumbar3d.anatomy import LEVELS
from lumbar3d.cli.errors import Exit
from lumbar3d.cli.main import app
from lumbar3d.client import JobsClient, RefusedError
from lumbar3d.contracts import JobStatus
from lumbar3d.service.access import BASIC_ROLES, Principal
from lumbar3d.service.keys import KeyRing, create
from lumbar3d.service.settings import ServiceSettings
from tests.conftest import calibration_document
from tests.embedded_service import running_service
from tests.integration.http_bench import http_bench
from tests.tiny_engine import grey_png
from tests.unit.imaging.test_imaging_tagged_room import AP, LAT
from tests.unit.radiograph_files import write_dicom

FILES = {"result.json", "spine.glb", "overlay.json", "overlay.png", "ap.png", "lat.png"} | {
    f"{level}.stl" for level in LEVELS
}
UNUSED_PORT = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def trouble(tmp_path_factory):
    """Folder where a test asks the tiny engine for trouble."""
    return tmp_path_factory.mktemp("trouble")


@pytest.fixture(scope="module")
def service(tmp_path_factory, trouble):
    """Address of a live embedded service."""
    environment = {"TINY_ENGINE_DIR": str(trouble)}
    with running_service("tests.tiny_embedded", tmp_path_factory.mktemp("service"), environment) as running:
        yield running.url


@pytest.fixture
def pair(tmp_path):
    """AP, LAT, calibration as command line arguments."""
    paths = [tmp_path / name for name in ("ap.png", "lat.png", "calibration.json")]
    for path in paths[:2]:
        path.write_bytes(grey_png(1024, 1024))
    paths[2].write_text(json.dumps(calibration_document()))
    return list(map(str, paths))


def lumbar3d(*arguments: str, server: str | None = None):
    """Run a command in this process; an exit that is no exit status would raise here."""
    return CliRunner(env={"LUMBAR3D_SERVER": server}).invoke(app, list(arguments), catch_exceptions=False)


def assert_one_line(result, status: Exit, *parts: str) -> None:
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == status
    assert len(lines) == 1 and lines[0].startswith("lumbar3d: ")
    assert all(part in lines[0] for part in parts), lines[0]


def test_a_job_whose_room_is_told_by_tags(service, tmp_path):
    films = [str(write_dicom(tmp_path / name, **said)) for name, said in (("ap", AP), ("lat", LAT))]
    submitted = lumbar3d("submit", *films, "--geometry", "from_tags", server=service)
    assert submitted.exit_code == Exit.OK, submitted.stderr
    assert lumbar3d("wait", submitted.stdout.strip(), server=service).exit_code == Exit.OK
    assert_one_line(lumbar3d("submit", *films, server=service), Exit.USAGE, "CALIBRATION is missing")


def test_a_job_from_submit_to_files(service, pair, tmp_path):
    submitted = lumbar3d("submit", *pair, server=service)
    job = submitted.stdout.strip()
    assert submitted.exit_code == Exit.OK
    assert f"{service}/view.html?job={job}" in submitted.stderr

    waited = lumbar3d("wait", job, server=service)
    assert (waited.exit_code, waited.stdout.strip()) == (Exit.OK, "succeeded")
    assert "100 %" in waited.stderr

    status = JobStatus.model_validate_json(lumbar3d("status", job, "--json", server=service).stdout)
    assert (status.id, status.state) == (job, "succeeded")

    folder = tmp_path / "files"
    downloaded = lumbar3d("download", job, "--out", str(folder), server=service)
    assert downloaded.exit_code == Exit.OK
    assert {path.name for path in folder.iterdir()} == FILES
    assert set(downloaded.stdout.split()) == {str(folder / name) for name in FILES}


def test_chosen_files_in_the_frame_of_slicer(service, pair, tmp_path):
    job = lumbar3d("submit", *pair, server=service).stdout.strip()
    lumbar3d("wait", job, server=service)
    folders = {frame: tmp_path / frame for frame in ("srs", "lps")}
    chosen = ["--format", "stl", "--format", "markups", "--format", "obj"]
    for frame, folder in folders.items():
        arguments = ["download", job, "--out", str(folder), *chosen, "--frame", frame]
        assert lumbar3d(*arguments, server=service).exit_code == Exit.OK
        names = {path.name for path in folder.iterdir()}
        assert names == {"landmarks.mrk.json", "spine.obj", *(f"{level}.stl" for level in LEVELS)}
    assert b"SPACE=LPS" in (folders["lps"] / "L3.stl").read_bytes()[:80]
    assert "SPACE=LPS" in (folders["lps"] / "spine.obj").read_text().splitlines()[0]
    names = ("landmarks.mrk.json", "L3.stl")
    same, other = ([(folder / name).read_bytes() for folder in folders.values()] for name in names)
    assert same[0] == same[1] and other[0] != other[1]
    refused = lumbar3d("download", job, "--out", "unused", "--format", "dxf", server=service)
    assert_one_line(refused, Exit.USAGE, "dxf", "nifti")


def test_cancel_stops_and_erase_leaves_nothing(service, trouble, pair):
    (trouble / "hold").write_text("")
    try:
        running, waiting = (lumbar3d("submit", *pair, server=service).stdout.strip() for _ in range(2))
        assert lumbar3d("cancel", waiting, server=service).stdout.strip() == "cancelled"
        erased = lumbar3d("erase", running, server=service)
    finally:
        (trouble / "hold").unlink()
    assert erased.exit_code == Exit.OK and erased.stdout.strip() == "job, result, images"
    assert_one_line(lumbar3d("status", running, server=service), Exit.REFUSED, "job_not_found")
    finished = lumbar3d("submit", *pair, server=service).stdout.strip()
    lumbar3d("wait", finished, server=service)
    assert lumbar3d("cancel", finished, server=service).stdout.strip() == "succeeded"
    with JobsClient(service) as client:
        assert client.result(finished).method == "gauss_newton"
        assert client.erase(finished) == "job, result, images"
        with pytest.raises(RefusedError) as refused:
            client.result(finished)
        assert refused.value.problem.code == "job_not_found"


def test_version():
    assert lumbar3d("--version").stdout == f"lumbar3d {__version__}\n"


def test_the_method_reaches_the_engine(service, pair, tmp_path):
    job = lumbar3d("submit", *pair, "--method", "bobyqa", server=service).stdout.strip()
    lumbar3d("wait", job, server=service)
    lumbar3d("download", job, "--out", str(tmp_path / "files"), server=service)
    assert json.loads((tmp_path / "files" / "result.json").read_text())["method"] == "bobyqa"


def test_wait_tells_a_rejected_job_from_a_finished_one(service, trouble, pair):
    (trouble / "fail").write_text("RejectedError")
    try:
        job = lumbar3d("submit", *pair, server=service).stdout.strip()
        waited = lumbar3d("wait", job, server=service)
    finally:
        (trouble / "fail").unlink()
    assert waited.exit_code == Exit.NO_RESULT
    assert waited.stdout.strip() == "rejected"
    assert waited.stderr.splitlines()[-1] == "lumbar3d: the job was rejected: as the test asked (rejected)"
    assert_one_line(lumbar3d("download", job, "--out", "unused", server=service), Exit.REFUSED, "no_result")


def test_no_server(pair):
    for command in (["submit", *pair], ["status", "x"], ["wait", "x"], ["download", "x", "--out", "unused"]):
        assert_one_line(lumbar3d(*command, server=UNUSED_PORT), Exit.UNREACHABLE, "no answer from", UNUSED_PORT)


def test_an_address_that_is_none():
    assert_one_line(lumbar3d("status", "x", server="nonsense"), Exit.UNREACHABLE, "nonsense")


def test_refused_calibration_names_the_field(service, pair, tmp_path):
    document = calibration_document()
    document["lat"]["pixel_spacing_mm"] = "wide"
    (tmp_path / "calibration.json").write_text(json.dumps(document))
    result = lumbar3d("submit", *pair, server=service)
    assert_one_line(result, Exit.REFUSED, "invalid_calibration", "pixel_spacing_mm")


def test_refused_image_and_unknown_job(service, pair):
    pair[0] = pair[2]
    assert_one_line(lumbar3d("submit", *pair, server=service), Exit.REFUSED, "HTTP 4")
    assert_one_line(lumbar3d("status", "../healthz", server=service), Exit.REFUSED, "HTTP 404")


def test_missing_file_is_wrong_usage(pair):
    result = lumbar3d("submit", "not-there.png", *pair[1:])
    assert result.exit_code == Exit.USAGE
    assert "not-there.png" in result.stderr


@contextmanager
def answering(answers):
    """A server that gives prepared answers in turn; yields its address and what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.path, self.headers.get("Idempotency-Key"), body.partition(b"\r\n")[2]))
            self.wfile.write(answers[min(len(asked), len(answers)) - 1])
            self.close_connection = True

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_lost_answer_is_asked_for_again_under_the_same_key(pair):
    status = JobStatus(id="a", state="queued", progress=0, created_at="", updated_at="").model_dump_json()
    accepted = f"HTTP/1.1 202 Accepted\r\nContent-Length: {len(status)}\r\n\r\n{status}".encode()
    with answering([b"", accepted]) as (url, asked):
        assert lumbar3d("submit", *pair, server=url).stdout.strip() == "a"
    assert len(asked) == 2
    assert asked[0][1] == asked[1][1] != ""


def page(ids, after):
    jobs = [JobStatus(id=id, state="queued", progress=0, created_at="then", updated_at="") for id in ids]
    text = json.dumps({"jobs": [job.model_dump(mode="json") for job in jobs], "next": after})
    return f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def test_a_question_whose_connection_dies_is_asked_once_more():
    with answering([b"", page("a", "x"), b"", page("b", None)]) as (url, asked):
        assert lumbar3d("list", server=url).stdout == "a  then  queued\nb  then  queued\n"
    assert len(asked) == 4
    with answering([b""]) as (url, asked):
        assert lumbar3d("list", server=url).exit_code == Exit.UNREACHABLE
    assert len(asked) == 2


def test_an_erasure_whose_answer_is_lost_is_told_so():
    with answering([b"", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]) as (url, asked):
        assert lumbar3d("erase", "a", server=url).exit_code == Exit.UNREACHABLE
    assert len(asked) == 1


def test_a_list_goes_from_page_to_page(pair):
    with answering([page("ab", "x y"), page("c", None)]) as (url, asked):
        listed = lumbar3d("list", "--state", "queued", "--search", "ACC&1", "--limit", "9", server=url)
        assert listed.stdout.splitlines() == [f"{id}  then  queued" for id in "abc"]
    assert [path for path, *_ in asked] == [
        "/jobs?state=queued&q=ACC%261&limit=9",
        "/jobs?state=queued&q=ACC%261&before=x+y&limit=7",
    ]
    with answering([page("", None)]) as (url, _):
        assert lumbar3d("list", server=url).stdout == ""
        assert json.loads(lumbar3d("list", "--json", server=url).stdout) == {"jobs": []}


def test_something_else_that_answers(pair):
    with answering([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"]) as (url, _):
        assert_one_line(lumbar3d("submit", *pair, server=url), Exit.UNREACHABLE, "not this version of lumbar3d")
    with answering([b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nhi"]) as (url, _):
        assert_one_line(lumbar3d("status", "x", server=url), Exit.UNREACHABLE, "502")


def test_a_broken_download_leaves_no_half_file(tmp_path):
    folder = tmp_path / "files"
    with answering([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"]) as (url, _):
        assert_one_line(lumbar3d("download", "x", "--out", str(folder), server=url), Exit.UNREACHABLE)
    assert list(folder.iterdir()) == []


def test_created_keys_open_the_service(tmp_path):
    file = tmp_path / "keys"
    made = lumbar3d("key", "create", "pacs-bridge", "--file", str(file))
    secret = made.stdout.strip()
    assert file.stat().st_mode & 0o077 == 0
    assert secret not in file.read_text()
    ring = KeyRing.load(ServiceSettings(api_key_file=file, data_dir=tmp_path))
    assert ring.principal_of(secret) == Principal("pacs-bridge", BASIC_ROLES)
    assert_one_line(lumbar3d("key", "create", "Pacs Bridge"), Exit.USAGE, "lower-case")


def test_a_key_is_sent(tmp_path, pair):
    key = create("me")
    environment = {"LUMBAR3D_REQUIRE_API_KEY": "true", "LUMBAR3D_API_KEY_HASHES": key.entry}
    with running_service("tests.tiny_embedded", tmp_path, environment) as running:
        assert_one_line(lumbar3d("submit", *pair, server=running.url), Exit.REFUSED, "unauthorized")
        with_key = lumbar3d("submit", *pair, "--api-key", key.secret, server=running.url)
    assert with_key.exit_code == Exit.OK


def test_a_busy_service_is_asked_again_when_it_says(tmp_path):
    key = create("alice")
    with http_bench(tmp_path, require_api_key=True, api_key_hashes=key.entry, max_requests_per_s=1.0) as bench:
        address = bench.submitted({"Authorization": f"Bearer {key.secret}"})
        with JobsClient(str(bench.client.base_url), key.secret) as client:
            states = [client.status(address.rpartition("/")[2]).state for _ in range(4)]
        assert states == ["queued"] * 4
        assert 'status="429"' in bench.client.get("/metrics").text, "it was refused in between"
