"""Films with a name in every element, through the production layout: the name is nowhere, or sealed."""

from __future__ import annotations

import json
import sqlite3
import time
import zipfile
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pydicom
import redis

from benchmarks.processes import redis_server, wait_until
from lumbar3d.jobs import identity
from lumbar3d.service.made import KEPT_S
from tests.canary import DAY, NAME, UID, UNLIKELY, plant
from tests.integration.http_bench import HttpBench, http_bench
from tests.integration.processes import celery_worker, environment_for, server, submit, wait_for
from tests.unit.radiograph_files import dicom, write_dicom

KEY = identity.new_key()


def film(folder: Path, view: str) -> tuple[str, bytes]:
    """A DICOM film for the calibration of the tests, and a file name that says who it is."""
    pixels = (np.add.outer(np.arange(1024), np.arange(1024)) % 4096).astype(np.uint16)
    dataset = plant(dicom(pixels))
    dataset.ImagerPixelSpacing, dataset.ViewPosition, dataset.StudyInstanceUID = [0.42, 0.42], view, UID
    return NAME, write_dicom(folder / view, dataset).read_bytes()


def test_a_name_in_every_element_is_found_nowhere(tmp_path: Path) -> None:
    ap, lat = film(tmp_path, "AP"), film(tmp_path, "LL")
    for path in (tmp_path / "AP", tmp_path / "LL"):
        assert all(secret in path.read_bytes() for secret in UNLIKELY)
        path.unlink()
    with redis_server(tmp_path / "redis") as broker, redis.Redis.from_url(broker) as client:
        environment = environment_for(tmp_path, broker_url=broker, identity_key=KEY, log_level="DEBUG")
        client.config_set("appendonly", "yes")
        with server(environment, tmp_path / "service.log") as url:
            (tmp_path / "trouble" / "hold").touch()
            accepted = submit(url, ap=ap, lat=lat)
            with celery_worker(environment, tmp_path / "worker.log"):
                running = wait_for(url + accepted.headers["Location"], "running")
                uploads = [*tmp_path.glob(f"uploads/{running['id']}/*")]
                assert {"ap", "lat"} <= {path.name for path in uploads}
                said = [httpx.get(url + path) for path in ("/metrics", "/readyz", accepted.headers["Location"])]
                queued = b"".join(client.dump(key) or b"" for key in client.scan_iter())
                client.save()
                search(tmp_path, "while it runs", queued, *(answer.content for answer in (accepted, *said)))
                (tmp_path / "trouble" / "hold").unlink()
                wait_for(url + accepted.headers["Location"], "succeeded")
                wait_until(lambda: not any(path.exists() for path in uploads), "the uploads are still there")
                search(tmp_path, "afterwards")


def search(folder: Path, when: str, *texts: bytes) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert "service.log" in names and "jobs.sqlite3" in names and any(name.endswith(".rdb") for name in names)
    found = [str(path.relative_to(folder)) for path in files if any(secret in path.read_bytes() for secret in UNLIKELY)]
    found += [f"answer {i}" for i, text in enumerate(texts) if any(secret in text for secret in UNLIKELY)]
    assert not found, f"{when}: {found}"


def test_identifiers_are_sealed_or_dropped(tmp_path: Path) -> None:
    ap, lat = film(tmp_path, "AP"), film(tmp_path, "LL")
    for key in (KEY, None):
        folder = tmp_path / f"with{bool(key)}"
        with http_bench(folder, identity_key=key) as bench:
            assert bench.submit(ap=ap, lat=lat).status_code == 202
        with sqlite3.connect(folder / "jobs.sqlite3") as table:
            (sealed,) = table.execute("SELECT identity FROM jobs").fetchone()
        table.close()
        if key is None:
            assert sealed is None
            continue
        opened = identity.unseal(sealed, KEY)
        assert opened["ap"]["PatientName"] == NAME and opened["lat"]["PatientBirthDate"] == DAY
        assert opened["ap"]["StudyInstanceUID"] == UID and NAME not in sealed
        try:
            identity.unseal(sealed, identity.new_key())
        except identity.IdentityKeyError as error:
            assert NAME not in str(error) + json.dumps(str(error))
        else:
            raise AssertionError("another key opened it")


def test_what_was_made_of_a_job_for_its_archive_goes_with_it(tmp_path: Path) -> None:
    ap, lat = film(tmp_path, "AP"), film(tmp_path, "LL")
    with http_bench(tmp_path, identity_key=KEY, sweep_s=0.1) as bench:
        jobs = [bench.submit(ap=ap, lat=lat).headers["Location"] for _ in range(2)]
        kept = []
        for job in jobs:
            bench.run_next()
            answer = bench.client.get(job + "/dicom.zip")
            assert answer.status_code == 200, answer.text
            kept.append(answer.content)
        with zipfile.ZipFile(BytesIO(kept[0])) as files:
            assert pydicom.dcmread(BytesIO(files.read("measurements.dcm"))).PatientName == NAME
        assert held(bench) == set(kept)
        assert bench.client.delete(jobs[0]).status_code == 204
        assert held(bench) == {kept[1]}, "another job's stays"
        assert bench.client.delete(jobs[1]).status_code == 204
        assert not held(bench)


def test_what_was_made_by_another_front_end_is_dropped_within_minutes(tmp_path: Path) -> None:
    ap, lat = film(tmp_path, "AP"), film(tmp_path, "LL")
    assert KEPT_S <= 300
    with http_bench(tmp_path, identity_key=KEY, sweep_s=0.1) as bench:
        job = bench.submit(ap=ap, lat=lat).headers["Location"]
        bench.run_next()
        assert bench.client.get(job + "/dicom.zip").status_code == 200
        with http_bench(tmp_path, identity_key=KEY) as other:
            assert other.client.delete(job).status_code == 204
        time.sleep(0.5)
        assert held(bench), "nobody has told it"
        bench.services.made._kept_s = 0.2
        wait_until(lambda: not held(bench), "it is kept for ever")


def held(bench: HttpBench) -> set[bytes | None]:
    return {entry.content for entry in bench.services.made._entries.values()}
