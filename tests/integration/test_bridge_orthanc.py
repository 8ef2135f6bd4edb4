"""The bridge between a real archive (Orthanc) and a running service, killed at every point."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from benchmarks.processes import free_port, process, wait_until
from lumbar3d.cli.bridge.ledger import Ledger
from lumbar3d.cli.bridge.worklist import worklist
from lumbar3d.jobs import identity
from tests.integration.http_bench import http_bench
from tests.killed_bridge import POINTS
from tests.orthanc import BINARY, CALIBRATION, WEB_PLUGIN, demo_film, orthanc

KEY = "k" * 48
RESULTS = 8


WAYS = [
    pytest.param("dimse", marks=pytest.mark.skipif(BINARY is None, reason="Orthanc is not installed")),
    pytest.param(
        "web",
        marks=pytest.mark.skipif(
            BINARY is None or not WEB_PLUGIN.is_file(), reason="Orthanc or its DICOMweb plug-in is not installed"
        ),
    ),
]
"""C-STORE in both directions; QIDO and WADO for films, STOW for results."""


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_every_point_nothing_is_lost_and_nothing_double_and_then_it_works_on(
    tmp_path: Path, way: str
) -> None:
    study, port, folder = generate_uid(), free_port(), tmp_path / "bridge"
    keys = {"require_api_key": True, "api_key_hashes": f"bridge:{hashlib.sha256(KEY.encode()).hexdigest()}:submit+read"}
    with (
        http_bench(tmp_path / "service", identity_key=identity.new_key(), **keys) as bench,
        orthanc(tmp_path / "orthanc", port, forwards=way == "dimse") as archive,
    ):
        today = {"StudyDate": f"{datetime.now(UTC):%Y%m%d}"}
        films = [demo_film(tmp_path, view, study, **today).read_bytes() for view in ("AP", "LL")]
        stored = [archive.http.post("/instances", content=film).json()["ID"] for film in films]
        log = tmp_path / "bridge.log"
        there = [str(port), f"127.0.0.1:{archive.dicom_port}", str(bench.client.base_url), str(CALIBRATION)]
        there += [archive.web] if way == "web" else []
        command = [sys.executable, "-m", "tests.killed_bridge", str(folder), *there]
        with process(command, {**os.environ, "LUMBAR3D_API_KEY": KEY}, log) as bridge:
            left = list(stored)

            def is_done() -> bool:
                """The archive sends again what was not taken, the worker works, until the last life has begun."""
                assert bridge.poll() is None, log.read_text()
                left[:] = [each for each in left if way == "dimse" and not archive.send_to_bridge(each)]
                bench.run_next()
                lives = log.read_text()
                return lives.count("killed ") == len(POINTS) and lives.count("lumbar3d bridge:") > len(POINTS)

            wait_until(is_done, "the bridge did not come to its end", patience_s=240.0)
            if way == "dimse":
                assert archive.send_to_bridge(stored[0]), "a film that was answered long ago"
            wait_until(lambda: not [*(folder / "films").glob("*.dcm")], "films are left")
            second = generate_uid()
            for view in ("AP", "LL"):  # nobody asks: the archive's rule forwards them
                archive.http.post("/instances", content=demo_film(tmp_path, view, second, **today).read_bytes())
            wait_until(lambda: bench.run_next() or len(archive.instances(second)) == 2 + RESULTS, "no results", 240.0)
            wait_until(lambda: not [*(folder / "films").glob("*.dcm")], "films are left")
        found = archive.instances(study)
        assert len(found) == 2 + RESULTS == len({each["SOPInstanceUID"] for each in found})
        assert count(tmp_path / "service" / "jobs.sqlite3") == 2
    told = worklist(Ledger(folder / "bridge.sqlite3"))
    assert told.pairs == {"paired": 0, "submitted": 0, "stored": 2, "ended": 0} and not told.entries


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (jobs,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
    return int(jobs)
