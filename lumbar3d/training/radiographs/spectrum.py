"""Spectrum of the beam in four energies, and what soft tissue and bone take out of it.

Mass attenuation of NIST XCOM for ICRU-44 tissues (muscle 1.05, adipose 0.95, cortical bone 1.92 g/cm^3). Everything in
a patient is told in two basis materials: millimetres of muscle, and millimetres of dense cortical bone standing where
muscle would be. Fat is 0.88 mm of muscle, titanium 9 mm of bone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from lumbar3d.arrays import Array, Image

# At 40, 50, 60 and 80 keV.
MUSCLE_PER_MM = 0.105 * np.array([0.2685, 0.2262, 0.2048, 0.1823])
CORTICAL_PER_MM = 0.192 * np.array([0.6655, 0.4242, 0.3148, 0.2229])
EXTRA_BONE_PER_MM = CORTICAL_PER_MM - MUSCLE_PER_MM
FAT_AS_MUSCLE = 0.88
TUBE_KV = np.array([70.0, 80.0, 90.0, 105.0])
DETECTED_SHARE = np.array(
    [[0.42, 0.35, 0.22, 0.01], [0.35, 0.33, 0.25, 0.07], [0.28, 0.29, 0.27, 0.16], [0.22, 0.25, 0.27, 0.26]]
)
"""What a detector without a patient sees per energy at each tube voltage behind 3 mm Al: estimates that put the mean
behind 20 cm of tissue at 55-60 keV for 80 kV and at 60-65 keV for 100 kV."""
SOFT_HU, TISSUE_WATER_RATIO = 55.0, 0.647e-3
"""HU of the marrow's and the muscle's soft tissue; share of dense bone per HU above it (water over extra bone at the
70 keV of CT)."""


@dataclass(frozen=True, eq=False)
class Matter:
    """Matter on every pixel's ray.

    Attributes
    ----------
    soft_mm : (rows, columns) float32
        Millimetres of muscle that attenuate as much as all soft tissue there.
    bone_mm : (rows, columns) float32
        Millimetres of dense bone that stand in its place (metal and contrast count as bone).
    """

    soft_mm: Image
    bone_mm: Image


def shares(tube_kv: float) -> Array:
    """Share of the signal per energy, (4,), interpolated between tube voltages."""
    return np.array([np.interp(tube_kv, TUBE_KV, column) for column in DETECTED_SHARE.T])


def bone_share(hounsfield: float) -> float:
    """Share of dense bone in marrow of this CT number."""
    return TISSUE_WATER_RATIO * (hounsfield - SOFT_HU)


def primary(matter: Matter, tube_kv: float) -> Image:
    """Transmitted share of the beam, which hardens on its way, (rows, columns)."""
    share = shares(tube_kv).astype(np.float32)
    soft, bone = MUSCLE_PER_MM.astype(np.float32), EXTRA_BONE_PER_MM.astype(np.float32)
    return np.asarray(_transmit(matter.soft_mm, matter.bone_mm, (share, soft, bone)))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _transmit(soft_mm: Image, bone_mm: Image, spectrum: tuple[Image, Image, Image]) -> Image:
    share, soft, bone = spectrum
    out = np.zeros_like(soft_mm)
    rows, columns = out.shape
    for row in range(rows):
        for column in range(columns):
            a, b = max(soft_mm[row, column], np.float32(0.0)), bone_mm[row, column]
            total = np.float32(0.0)
            for k in range(len(share)):
                total += share[k] * np.exp(-soft[k] * a - bone[k] * b)
            out[row, column] = total
    return out
