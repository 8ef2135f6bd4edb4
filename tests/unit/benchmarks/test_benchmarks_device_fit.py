"""Rows of ``benchmarks.speed`` for a GPU, on a device that is this host."""

from __future__ import annotations

import pytest

from benchmarks import device_fit
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.drr.projector import Projector
from lumbar3d.pipeline import Engine
from lumbar3d.provenance import Provenance
from tests.unit.host_device import HostProjector
from tests.unit.registration.test_registration_resident import AGREEMENT_MM, AGREEMENT_OF_ERRORS, case


def engine(projector: Projector) -> Engine:
    return Engine(case("coupled")[0], None, projector, Provenance((), {}, {}))  # type: ignore[arg-type]


def test_both_parts_are_timed_on_both_and_the_answers_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_fit, "REPEATS", 1)
    found = device_fit.compared(engine(HostProjector()), case("coupled")[1])
    assert all(found[f"{part}, {where}"] > 0 for part in device_fit.PARTS for where in (device_fit.GPU, device_fit.CPU))
    assert 0 < found["vertices, mm"] < AGREEMENT_MM
    assert 0 < found["standard errors, share"] < AGREEMENT_OF_ERRORS
    assert "not run" not in "\n".join(device_fit.rows(found))


def test_without_a_gpu_the_rows_say_so() -> None:
    assert "\n".join(device_fit.rows({})).count("not run") == len(device_fit.PARTS)
    with pytest.raises(SystemExit, match="not loaded for a GPU"):
        device_fit.compared(engine(CpuProjector()), case("coupled")[1])
