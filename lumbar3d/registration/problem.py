"""Problem of the fit: what all levels share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lumbar3d.detection.result import Detection
from lumbar3d.drr.projector import Projector
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.resident.cuda import device_beside
from lumbar3d.registration.resident.device import Device
from lumbar3d.shape.model import ShapeModel, models_of

FractionDone = Callable[[float], None]


def silent(fraction: float) -> None:
    """Listener that ignores the progress."""


@dataclass(frozen=True, eq=False)
class FitProblem:
    """Models, images and tools of one reconstruction.

    Attributes
    ----------
    models : sequence of ShapeModel
        Of any levels; those of the detection are kept, in its order.
    detection : Detection
    projector : Projector
    constants : RegistrationConstants
    progress : callable
        Called with the fraction done, 0-1.

    Raises
    ------
    AssetError
        A level of the detection has no model.
    """

    models: Sequence[ShapeModel]
    detection: Detection
    projector: Projector
    constants: RegistrationConstants
    progress: FractionDone = silent

    def __post_init__(self) -> None:
        """Keep the models of the levels that were detected."""
        object.__setattr__(self, "models", models_of(self.models, self.detection.levels))

    @property
    def device(self) -> Device | None:
        """What fits all levels in lockstep; None where threads fit them side by side on the CPU."""
        return device_beside(self.projector)
