"""Examples of the OpenAPI document; a test checks them against the contracts."""

from __future__ import annotations

from typing import Any

from lumbar3d.codes import Code
from lumbar3d.errors import CalibrationError
from lumbar3d.jobs.records import PROBLEM_URN

JOB_ID = "5f0c2b1e-8a57-4a0b-9d0e-3f6f2f8f9a11"
CALIBRATION: dict[str, Any] = {
    "version": "1.0",
    "ap": {
        "type": "geometry",
        "source_mm": [1000.0, 0.0, 0.0],
        "detector_origin_mm": [-300.0, -214.83, 214.83],
        "detector_u_axis": [0.0, 1.0, 0.0],
        "detector_v_axis": [0.0, 0.0, -1.0],
        "pixel_spacing_mm": [0.42, 0.42],
        "columns": 1024,
        "rows": 1024,
    },
    "lat": {
        "type": "geometry",
        "source_mm": [0.0, -1000.0, 0.0],
        "detector_origin_mm": [-214.83, 300.0, 214.83],
        "detector_u_axis": [1.0, 0.0, 0.0],
        "detector_v_axis": [0.0, 0.0, -1.0],
        "pixel_spacing_mm": [0.42, 0.42],
        "columns": 1024,
        "rows": 1024,
    },
}
"""Patient at the world's origin facing +x; AP source in front, lateral source at the patient's right; SID 1300 mm."""
OPTIONS: dict[str, Any] = {"method": "gauss_newton"}
RUNNING: dict[str, Any] = {
    "id": JOB_ID,
    "state": "running",
    "stage": "register",
    "progress": 0.6,
    "queue_position": None,
    "attempt": 1,
    "created_at": "2026-01-15T09:30:00.120Z",
    "updated_at": "2026-01-15T09:30:03.480Z",
    "reference": "ACC-2026-0815",
    "inputs": None,
    "revision": 1,
    "revision_of": None,
    "review": None,
    "error": None,
}
QUEUED: dict[str, Any] = RUNNING | {"state": "queued", "stage": None, "progress": 0.0, "attempt": 0}


def problem(entry: Code) -> dict[str, Any]:
    """A problem document with this code."""
    document: dict[str, Any] = {
        "type": PROBLEM_URN + entry.code,
        "title": entry.title,
        "status": entry.status,
        "code": entry.code,
        "instance": "urn:uuid:0c9d1f5e-6f3b-4f5e-8d0a-4b1d2f3a5c77",
    }
    if entry.code == CalibrationError.code:
        document["faults"] = [
            {
                "part": "calibration",
                "pointer": "/ap/rows",
                "code": "greater_than_equal",
                "message": "input should be greater than or equal to 16; found 8",
            }
        ]
    return document
