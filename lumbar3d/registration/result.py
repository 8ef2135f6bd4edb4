"""What the fit hands to measurement and export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumbar3d.arrays import Array, Mask
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.shape.fitted import FittedVertebra


@dataclass(frozen=True, eq=False)
class Registration:
    """Five fitted vertebrae and how well the images support them.

    Attributes
    ----------
    method : str
        "gauss_newton" or "bobyqa".
    vertebrae : tuple of FittedVertebra
        L1..L5, each with its posterior covariance.
    triangulated_mm : (5, 7, 3) float64
        Landmarks from the two detections, world mm; where ``landmark_seen`` is false, the fitted model's landmark.
    ray_distance_mm : (5, 7) float64
        Distance between the two rays of each landmark (0 where not seen).
    landmark_seen : (5, 7) bool
        Detected in both views.
    image_residual : (5, 2) float64
        Mean absolute DRR residual inside the union of the fitted and detected silhouettes, 0-1, AP then LAT.
    silhouette_dice : (5, 2) float64
        Dice of the fitted and detected silhouettes, AP then LAT.
    surface_sigma_mm : (5,) float64
        RMS posterior standard error of each surface along its normals.
    neighbour_surprise : (5,) float64
        How far each level's own data lie from what the other four say of it, in units of what is usual: about 1 for
        healthy levels, 0 where the models are independent (``shape.joint.Evidence.surprise``).
    timings_s : mapping
        "initialise", "fit", "posterior".
    evaluations : int
        Objective evaluations in all.
    constants : RegistrationConstants
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
