"""Fixtures of every test."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lumbar3d.contracts import Calibration
from tests.not_run import RECORD, sentence


def pytest_unconfigure(config: pytest.Config) -> None:
    """The very last line: what could not be run. (Workers of a parallel run have no terminal, their parent tells.)"""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    skipped = [str(report.longrepr[2]).removeprefix("Skipped: ") for report in reporter.stats.get("skipped", [])]
    reporter.write_line(sentence(skipped))
    if RECORD in os.environ:
        with Path(os.environ[RECORD]).open("a") as record:
            record.writelines(reason.replace("\n", " ") + "\n" for reason in skipped)


def calibration_document() -> dict[str, object]:
    """A room as a manufacturer would describe it: 1300 mm SID, 1000 mm SOD, 430 mm panels, right-angled views."""
    pitch, count = 0.42, 1024
    half = pitch * (count - 1) / 2
    return {
        "version": "1.0",
        "ap": {
            "type": "geometry",
            "source_mm": [1000.0, 0.0, 0.0],
            "detector_origin_mm": [-300.0, -half, half],
            "detector_u_axis": [0.0, 1.0, 0.0],
            "detector_v_axis": [0.0, 0.0, -1.0],
            "pixel_spacing_mm": [pitch, pitch],
            "columns": count,
            "rows": count,
        },
        "lat": {
            "type": "geometry",
            "source_mm": [0.0, -1000.0, 0.0],
            "detector_origin_mm": [-half, 300.0, half],
            "detector_u_axis": [1.0, 0.0, 0.0],
            "detector_v_axis": [0.0, 0.0, -1.0],
            "pixel_spacing_mm": [pitch, pitch],
            "columns": count,
            "rows": count,
        },
    }


def slot_document() -> dict[str, object]:
    """A slot scanner: 1300 mm from source to detector, 987 and 918 mm to the patient, 600 mm of travel downwards."""
    columns, rows, pitch = 1500, 1600, 0.375
    return {
        "version": "1.0",
        **{
            name: {
                "type": "slot",
                "source_mm": [*(distance * np.array(towards)), 300.0],
                "detector_origin_mm": [
                    *((distance - 1300.0) * np.array(towards) - (columns - 1) / 2 * pitch * np.array(along)),
                    300.0,
                ],
                "detector_u_axis": [*along, 0.0],
                "scan_direction": [0.0, 0.0, -1.0],
                "pixel_spacing_mm": [pitch, pitch],
                "columns": columns,
                "rows": rows,
            }
            for name, distance, towards, along in (
                ("ap", 987.0, (1.0, 0.0), (0.0, 1.0)),
                ("lat", 918.0, (0.0, -1.0), (1.0, 0.0)),
            )
        },
    }


@pytest.fixture
def document() -> dict[str, object]:
    """A fresh calibration document that a test may spoil."""
    return calibration_document()


@pytest.fixture
def calibration() -> Calibration:
    """A valid calibration."""
    return Calibration.model_validate(calibration_document())


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """An entry point called in a test must not leave its log handler, nor turn later warnings into log lines."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
