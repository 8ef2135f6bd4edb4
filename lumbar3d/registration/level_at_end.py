"""One level at the end of its fit, before its neighbours are heard: what a later fit of another level needs of it."""

from __future__ import annotations

from dataclasses import dataclass

from lumbar3d.arrays import Array
from lumbar3d.registration.agreement import ViewQuality
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.room_equations import RoomEquations
from lumbar3d.shape.joint_prior import Evidence


@dataclass(frozen=True, eq=False)
class LevelAtEnd:
    """One level at full resolution.

    Attributes
    ----------
    end : Parameters
    hessian : (6 + K, 6 + K) float64
        Of the posterior under the level's own prior.
    evidence : Evidence or None
    views : tuple of ViewQuality
        AP, LAT.
    room : RoomEquations or None
        How the level depends on a refined room.
    fracture_probability : float or None
        That it is broken; None where it was not asked (``registration.fracture_choice``).
    """

    end: Parameters
    hessian: Array
    evidence: Evidence | None
    views: tuple[ViewQuality, ...]
    room: RoomEquations | None = None
    fracture_probability: float | None = None
