"""What the fits of all levels share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lumbar3d.detection.result import Detection
from lumbar3d.drr.projector import Projector
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.shape.model import ShapeModel

Progress = Callable[[float], None]


def silent(fraction: float) -> None:
    """Nobody listens."""


@dataclass(frozen=True, eq=False)
class FitTask:
    """Models, images and tools of one reconstruction."""

    models: Sequence[ShapeModel]
    detection: Detection
    projector: Projector
    constants: RegistrationConstants
    progress: Progress = silent
