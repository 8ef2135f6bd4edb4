"""Result of the fit, handed to measurement and export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Array, Mask
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.room import LateralError, RefinedRoom
from lumbar3d.shape.fitted import FittedVertebra


@dataclass(frozen=True, eq=False)
class Registration:
    """Fitted vertebrae and how well the images support them.

    Attributes
    ----------
    method : str
        "gauss_newton" or "bobyqa".
    vertebrae : tuple of FittedVertebra
        The levels of the detection, each with its posterior covariance.
    triangulated_mm : (levels, 7, 3) float64
        Landmarks from the two detections, world mm; where ``landmark_seen`` is false, the fitted model's landmark.
    ray_distance_mm : (levels, 7) float64
        Distance between the two rays of each landmark (0 where not seen).
    landmark_seen : (levels, 7) bool
        Detected in both views.
    image_residual : (levels, 2) float64
        Mean absolute DRR residual inside the union of the fitted and detected silhouettes, 0-1, AP then LAT.
    silhouette_dice : (levels, 2) float64
        Dice of the fitted and detected silhouettes, AP then LAT.
    surface_sigma_mm : (levels,) float64
        RMS posterior standard error of each surface along its normals, in the room as it is believed to be.
    neighbour_surprise : (levels,) float64
        How far each level's own data lie from what the others say of it, in units of what is usual: about 1 for
        healthy levels, 0 where the models are independent (``shape.joint_prior.Evidence.surprise``).
    timings_s : mapping
        "initialise", "fit", "posterior".
    evaluations : int
        Objective evaluations in all.
    constants : RegistrationConstants
    room : RefinedRoom or None
        What the fit found of the room, where it was asked to; the vertebrae's covariances hold it.
    suspected : RefinedRoom or None
        What one step of such a refinement would find, where it was not asked for: whether the room is as it was told.
    ends : tuple of LevelAtEnd
        What a fit of some levels again needs of the others; empty where another engine has no such thing.
    """

    method: str
    vertebrae: tuple[FittedVertebra, ...]
    triangulated_mm: Array
    ray_distance_mm: Array
    landmark_seen: Mask
    image_residual: Array
    silhouette_dice: Array
    surface_sigma_mm: Array
    neighbour_surprise: Array
    timings_s: Mapping[str, float]
    evaluations: int
    constants: RegistrationConstants
    room: RefinedRoom | None = None
    suspected: RefinedRoom | None = None
    ends: tuple[LevelAtEnd, ...] = ()

    @property
    def levels(self) -> tuple[Level, ...]:
        """Names of the vertebrae."""
        return tuple(vertebra.level for vertebra in self.vertebrae)

    @property
    def room_error(self) -> LateralError | None:
        """What the lateral view is off by, where the fit was asked to refine the room."""
        return None if self.room is None else self.room.error
