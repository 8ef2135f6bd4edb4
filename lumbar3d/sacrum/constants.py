"""Constants of the search for the plate of S1: what is known beforehand, and when the lateral film is believed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SacrumConstants:
    """Lengths in mm at the patient, angles in degrees.

    Attributes
    ----------
    least_heat : float
        Height of the first network's mark of S1 in each film below which the film does not show it.
    mark_sigma_mm : float
        SD of the mark in each film along each axis.
    rays_meet_mm : float
        Distance of the two marks' rays from which they are not the same plate.
    reach_mm : (float, float)
        Half length of the corridor along the plate of L5, and how far it goes down from there.
    pitch_mm, blur_mm : float
        Sampling of the corridor, and SD of the Gaussian before slopes are taken.
    half_seen_mm, seen_pitch_mm : float
        Half length of the line along which the edge is averaged: the middle of the plate, away from its rims; and the
        step along it, as wide as the blur.
    heights_mm, angles_deg : (float, float, float)
        First, last and step of what is searched: middle disc height, and angle between the plates, + = lordotic.
    depth_mm, depth_sigma_mm : float
        Depth of the plate (31 to 35 mm, CT of adults), its SD with that of the sexes.
    half_width_mm : float
        Of the plate from side to side (50 to 55 mm, CT of adults): rays that meet it aslant draw its edge as a ramp.
    end_reach_mm : float
        How far from the mark along the plate its ends are looked for.
    below_mm : (float, float, float)
        First, end and step of the depths below the plate at which its ends are looked for; the first is clear of the
        plate's own edge as the blur leaves it.
    edge_weight, end_weight : float
        How much of a film's contrast in noise units is evidence: slopes that are neighbours tell the same.
    clear_slope : float
        Slope in units of the corridor's own that counts as one clear edge; a steeper one counts no more.
    line_error_mm, line_error_deg, end_error_mm : float
        What is left of height, angle and each end where the edge is sharp: plates are neither flat nor square. Set so
        that stated and true errors agree over twelve simulated patients (seeds 10000940-5 and 10000950-7).
    least_contrast : float
        Mean slope across the best line, in units of the corridor's own, below which there is no clear plate.
    most_sigma_deg, most_sigma_mm : float
        Standard error of angle and height beyond which the film leaves the plate open.
    list_sigma_deg, turn_sigma_deg : float
        The lateral film does not show how the plate lists or turns against L5: that much is left open.
    """

    least_heat: float = 0.3
    mark_sigma_mm: float = 2.5
    rays_meet_mm: float = 8.0
    reach_mm: tuple[float, float] = (34.0, 36.0)
    pitch_mm: float = 0.5
    blur_mm: float = 1.0
    half_seen_mm: float = 12.0
    seen_pitch_mm: float = 1.0
    heights_mm: tuple[float, float, float] = (1.0, 24.0, 0.25)
    angles_deg: tuple[float, float, float] = (-12.0, 40.0, 0.5)
    depth_mm: float = 33.0
    depth_sigma_mm: float = 2.5
    half_width_mm: float = 25.0
    edge_weight: float = 40.0
    end_weight: float = 4.0
    end_reach_mm: float = 26.0
    below_mm: tuple[float, float, float] = (1.5, 8.0, 1.0)
    clear_slope: float = 1.5
    line_error_mm: float = 1.1
    line_error_deg: float = 4.5
    end_error_mm: float = 1.5
    least_contrast: float = 0.4
    most_sigma_deg: float = 7.2
    most_sigma_mm: float = 2.6
    list_sigma_deg: float = 4.0
    turn_sigma_deg: float = 4.0


CONSTANTS = SacrumConstants()
