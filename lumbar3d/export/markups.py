"""The landmarks as a point list of 3D Slicer (markups schema 1.0.3), LPS, mm."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from lumbar3d.contracts import ReconstructionResult
from lumbar3d.export.file_frames import in_frame

_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)


def markups(result: ReconstructionResult) -> bytes:
    """One list, because 3D Slicer reads one a file; a point is the landmark on the fitted surface."""
    marks = [(f"{level.level} {mark.name}", mark.model_mm) for level in result.levels for mark in level.landmarks]
    points = [_point(str(number), label, place) for number, (label, place) in enumerate(marks, start=1)]
    landmarks = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(points),
        "controlPoints": points,
    }
    return json.dumps({"@schema": _SCHEMA, "markups": [landmarks]}, indent=1).encode()


def _point(number: str, label: str, world_mm: tuple[float, ...]) -> dict[str, Any]:
    return {
        "id": number,
        "label": label,
        "description": "",
        "associatedNodeID": "",
        "position": np.round(in_frame(np.array(world_mm), "lps"), 4).tolist(),
        "orientation": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        "selected": True,
        "locked": True,
        "visibility": True,
        "positionStatus": "defined",
    }
