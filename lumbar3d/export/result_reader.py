"""Result document as a job stores it."""

from __future__ import annotations

import json

from lumbar3d.contracts import ReconstructionResult


def read_result(stored: bytes) -> ReconstructionResult:
    """The stored document; a residual that no landmark gave is NaN, which JSON has as null."""
    document = json.loads(stored)
    for level in document["levels"]:
        for name in ("image_residual", "ray_residual_mm"):
            if level["quality"][name] is None:
                level["quality"][name] = float("nan")
    return ReconstructionResult.model_validate(document)
