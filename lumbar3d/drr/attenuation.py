"""Attenuation: from path length to the DRR that the network learns and the fit compares."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Image

MU_PER_MM = 0.036
"""Linear attenuation of the homogeneous vertebra: HU 800 is 1.8 x water, and water at the effective energy of a
hardened 80 kVp beam (about 60-65 keV) is 0.020 / mm."""


def drr_from_path_length(path_length_mm: Image) -> Image:
    """Beer-Lambert opacity 1 - exp(-mu L), in [0, 1)."""
    return np.asarray(-np.expm1(-np.float32(MU_PER_MM) * path_length_mm), dtype=np.float32)
