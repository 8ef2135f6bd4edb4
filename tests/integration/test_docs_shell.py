"""Shell examples of the pages, run as they stand: against a running service, with the films that they name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.processes import process, wait_until
from lumbar3d.client import JobsClient
from lumbar3d.contracts import Calibration
from lumbar3d.service.keys import create
from tests import tiny_cli
from tests.conftest import calibration_document
from tests.doc_blocks import PYTHON, ROOT, SHELL, blocks
from tests.embedded_service import running_service
from tests.integration.test_cli_check import write_beads
from tests.unit.imaging.test_imaging_tagged_room import AP, LAT
from tests.unit.radiograph_files import dicom, gradient, write_dicom

PAGES = (
    "README.md",
    "docs/integrate.md",
    "docs/files.md",
    "docs/calibration.md",
    "docs/operate.md",
    "docs/first_hour.md",
)
ELSEWHERE = {
    "make demo": "test_demo.py runs the demonstration, and this is make test",
    "lumbar3d serve": "the service of this file stands for it",
    "lumbar3d report": "the tiny engine's spine has no levels to report; the report has tests of its own",
    "kubectl": "no cluster in the tests; the manifests are checked against their schemas in test_kubernetes.py",
    "docker compose": "no container engine in the tests; the compose files are checked against their schema",
}
"""First words that no test runs here, and what stands in for them."""


@dataclass(frozen=True)
class Reader:
    """Somebody in a folder with films, who follows a page."""

    folder: Path
    environment: dict[str, str]
    replaced: dict[str, str]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        for said, meant in self.replaced.items():
            script = script.replace(said, meant)
        command = ["sh", "-eu", "-c", script]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=100
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("reader")
    for name, said in (("ap", AP), ("lat", LAT), ("phantom_ap", AP), ("phantom_lat", LAT)):
        tags = said | {"ImagerPixelSpacing": [0.42, 0.42]}
        write_dicom(folder / f"{name}.dcm", dicom(gradient(1024, 1024)), **tags)
    (folder / "calibration.json").write_text(json.dumps(calibration_document()))
    write_beads(folder / "beads.csv", Calibration.model_validate(calibration_document()), 0.1)
    tools = folder / "bin"
    tools.mkdir()
    tiny_cli.caller(tools / "lumbar3d", str(folder / "line"))
    key = create("reader")
    settings = {"LUMBAR3D_REQUIRE_API_KEY": "true", "LUMBAR3D_API_KEY_HASHES": key.entry}
    served = tmp_path_factory.mktemp("service")
    with (
        process([sys.executable, "-m", "tests.tiny_cli", str(folder / "line")], {**os.environ}, folder / "log"),
        running_service("tests.tiny_embedded", served, settings) as service,
    ):
        wait_until((folder / "line").exists, "the command line does not listen")
        with JobsClient(service.url, key.secret) as client:
            job = client.submit((folder / "ap.dcm", folder / "lat.dcm"), folder / "calibration.json")
            client.wait(job.id)
        environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "LUMBAR3D_DATA_DIR": str(served / "data"),
            "LUMBAR3D_SERVER": service.url,
            "LUMBAR3D_API_KEY": key.secret,
        }
        replaced = {
            "https://spine.example.org": service.url,
            "KEY=...": f"KEY={key.secret}",
            "JOB ": f"{job.id} ",
            "1f0c...": job.id,
            "/etc/lumbar3d": str(folder),
        }
        yield Reader(folder, environment, replaced)


def cases() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for script in blocks(page, SHELL):
            if not any(words in script for words in ELSEWHERE):
                yield page, script


@pytest.mark.parametrize(("page", "script"), list(cases()), ids=lambda text: text.strip().splitlines()[0][:60])
def test_a_block_runs_as_it_stands(reader: Reader, page: str, script: str) -> None:
    ended = reader.run(script)
    assert ended.returncode == 0, f"{page}\n{script}\n{ended.stdout}\n{ended.stderr}"


def test_the_three_calls_end_with_the_meshes(reader: Reader) -> None:
    (script,) = (text for text in blocks("docs/integrate.md", SHELL) if "/reconstruct" in text)
    script = script.replace("study-7d0f0c9e", "another-study")
    for left in reader.folder.glob("*-meshes.zip"):
        left.unlink()
    assert reader.run(script).returncode == 0
    (meshes,) = reader.folder.glob("*-meshes.zip")
    assert meshes.read_bytes()[:2] == b"PK"
    refused = reader.run(script.replace("calibration=@calibration.json", "calibration=@beads.csv"))
    assert refused.returncode == 22 and "invalid_calibration" in (reader.folder / "job.json").read_text()


@pytest.mark.parametrize("block", [each for each in blocks("docs/python.md", PYTHON) if "Client" in each])
def test_python_that_speaks_to_a_service(reader: Reader, block: str) -> None:
    code = block.replace("https://spine.example.org", reader.environment["LUMBAR3D_SERVER"])
    code = code.replace("study-7d0f0c9e", "a-study-in-python")
    code = f"import os\napi_key = os.environ['LUMBAR3D_API_KEY']\n{code}"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=reader.folder, env=reader.environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr


def test_what_is_not_run_here_is_still_said() -> None:
    everything = "".join(script for page in PAGES for script in blocks(page, SHELL))
    assert all(words in everything for words in ELSEWHERE)
    assert shutil.which("curl") and shutil.which("jq"), "tests/services.sh brings them"
