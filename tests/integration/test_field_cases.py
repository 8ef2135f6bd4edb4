"""Inputs as the field sends them, row by row over a running service: the same picture must give the same spine.

The files are not part of this repository. ``LUMBAR3D_CASES`` names a folder that holds them with the table of what must
happen (``benchmarks.inputs`` says how it is read). What each kind of file means is tested anywhere on small ones that
the unit tests make themselves (``tests/unit/imaging``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import FileDataset

from benchmarks.inputs import Demand, Trio, TrioOutcome, judge, read_table
from lumbar3d.client import JobsClient, RefusedError
from lumbar3d.contracts import JobState, Problem
from tests.embedded_service import running_service
from tests.unit.radiograph_files import dicom, write_dicom

CASES = os.environ.get("LUMBAR3D_CASES")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not CASES, reason="LUMBAR3D_CASES names no folder of inputs"),
]
FOLDER = Path(CASES or ".")
ROWS = read_table((FOLDER / "README.md").read_text()) if CASES else []
BASE = Trio("base_ap.png", "base_lat.png", "base_calibration.json")
SAME = Demand("same", tolerance=0.05, reference=BASE, must_be_ok=True)
REFUSED_WITHIN_S = 10.0


class Served:
    """A service, and what it has answered so far."""

    def __init__(self, client: JobsClient) -> None:
        self._client, self._outcomes = client, dict[Trio, TrioOutcome]()

    def outcome(self, trio: Trio) -> TrioOutcome:
        """Outcome of a trio, asked for once."""
        if trio not in self._outcomes:
            started_s = time.perf_counter()
            found = self._ask(trio)
            seconds = time.perf_counter() - started_s
            self._outcomes[trio] = TrioOutcome(found.result, found.code, found.detail, seconds)
        return self._outcomes[trio]

    def _ask(self, trio: Trio) -> TrioOutcome:
        try:
            job = self._client.submit((FOLDER / trio.ap, FOLDER / trio.lat), FOLDER / trio.calibration)
        except RefusedError as error:
            return told(error.problem)
        ended = self._client.wait(job.id)
        if ended.state == JobState.SUCCEEDED:
            return TrioOutcome(self._client.result(job.id))
        assert ended.state == JobState.REJECTED and ended.error is not None
        return told(ended.error)


def told(problem: Problem) -> TrioOutcome:
    """A refusal, with the faults' pointers where it has some."""
    assert problem.status < 500
    faults = (problem.model_extra or {}).get("faults", [])
    said = " ".join(f"{fault['pointer']}: {fault['message']}" for fault in faults)
    return TrioOutcome(None, problem.code, said or problem.detail or "")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        running_service("lumbar3d.worker.embedded", tmp_path_factory.mktemp("service")) as service,
        JobsClient(service.url) as client,
    ):
        yield Served(client)


@pytest.mark.parametrize(("trio", "demand"), ROWS, ids=[trio.words for trio, _ in ROWS])
def test_every_row_does_what_it_says(served: Served, trio: Trio, demand: Demand) -> None:
    row = judge(served, trio, demand)
    assert row.is_right, row
    assert served.outcome(trio).result is not None or row.seconds < REFUSED_WITHIN_S


@pytest.mark.parametrize("tag", [0x60003000, 0x00091010], ids=["overlay of 720 kB", "private element of 720 kB"])
def test_a_long_header_changes_nothing(served: Served, tag: int, tmp_path: Path) -> None:
    film: FileDataset = dicom(np.asarray(Image.open(FOLDER / BASE.ap)).astype(np.uint16))
    film.BitsStored, film.HighBit = 16, 15
    film.ImagerPixelSpacing, film.ViewPosition = [1.112, 1.112], "AP"
    film.add_new(0x00090010, "LO", "SOMEBODY")
    film.add_new(tag, "OW" if tag >> 16 == 0x6000 else "OB", np.random.default_rng(0).bytes(720_000))
    path = write_dicom(tmp_path / "ap.dcm", film)
    row = judge(served, Trio(str(path), BASE.lat, BASE.calibration), SAME)
    assert row.is_right, row
