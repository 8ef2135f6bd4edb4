"""Beam, scatter, blur and noise: from what lies on the rays to what the detector counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Image, Mask
from lumbar3d.contracts import ViewName
from lumbar3d.training.radiographs.fields import gaussian_blur
from lumbar3d.training.radiographs.spectrum import Matter, primary

GRID_PITCH_MM = 0.834
AIR_MM = 20.0
"""Less muscle than this on the ray: beside the patient."""
ELECTRONIC_QUANTA = 9.0
KV = {"ap": (70.0, 90.0), "lat": (78.0, 105.0)}
SCATTER_WITH_GRID = {"ap": (0.3, 1.1), "lat": (0.6, 1.6)}
SCATTER_WITHOUT_GRID = {"ap": (2.0, 4.0), "lat": (3.0, 7.0)}
SCATTER_SLOT = (0.05, 0.25)
LAT_QUANTA = 0.35
"""Behind the thicker side of the body fewer quanta arrive at the usual exposures."""


@dataclass(frozen=True)
class Exposure:
    """One exposure.

    Attributes
    ----------
    tube_kv : float
    anti_scatter : str
        "grid", "none" or "slot".
    scatter_ratio, scatter_sigma_mm : float
        Scatter over primary at the detector, and its spread there.
    quanta : float
        Detected per ``pitch_mm`` square behind the typical ray of the patient.
    focal_spot_mm, detector_mm, motion_mm : float
        SD of each blur at the detector.
    pitch_mm : float
        Of the pixels at the detector.
    """

    tube_kv: float
    anti_scatter: str
    scatter_ratio: float
    scatter_sigma_mm: float
    quanta: float
    focal_spot_mm: float
    detector_mm: float
    motion_mm: float
    pitch_mm: float = GRID_PITCH_MM

    def at_pitch(self, finer: float) -> Exposure:
        """The same exposure on pixels ``finer`` times smaller."""
        return replace(self, quanta=self.quanta / finer**2, pitch_mm=self.pitch_mm / finer)

    @property
    def blur_px(self) -> float:
        """SD of all blurs together."""
        return float(np.hypot(np.hypot(self.focal_spot_mm, self.detector_mm), self.motion_mm)) / self.pitch_mm


def draw_exposure(view: ViewName, slot: bool, rng: np.random.Generator) -> Exposure:
    """From sharp and clean to soft, grey and noisy; a slot lets little scatter through."""
    kind = "slot" if slot else str(rng.choice(["grid", "none"], p=[0.95, 0.05]))
    ratio = {"grid": SCATTER_WITH_GRID[view], "none": SCATTER_WITHOUT_GRID[view], "slot": SCATTER_SLOT}[kind]
    quanta = float(np.exp(rng.uniform(np.log(4e3), np.log(1.2e5))))
    return Exposure(
        tube_kv=rng.uniform(*KV[view]),
        anti_scatter=kind,
        scatter_ratio=rng.uniform(*ratio),
        scatter_sigma_mm=rng.uniform(30.0, 62.0),
        quanta=quanta * (LAT_QUANTA if view == "lat" else 1.0),
        focal_spot_mm=rng.uniform(0.05, 0.35),
        detector_mm=rng.uniform(0.1, 0.4),
        motion_mm=rng.uniform(0.0, 0.3) if rng.random() < 0.85 else rng.uniform(0.3, 0.9),
    )


def expose(matter: Matter, exposure: Exposure, rng: np.random.Generator) -> tuple[Image, Mask]:
    """Logarithmic film -ln(counts), bone bright, and the pixels that lie behind the patient.

    Parameters
    ----------
    matter : Matter
    exposure : Exposure
    rng : numpy.random.Generator
        For the quantum and electronic noise.
    """
    patient = matter.soft_mm > AIR_MM
    direct = gaussian_blur(primary(matter, exposure.tube_kv), exposure.blur_px)
    typical = float(np.median(direct[::4, ::4][patient[::4, ::4]])) if patient[::4, ::4].any() else 1.0
    spread = gaussian_blur(np.minimum(direct, 3.0 * typical), exposure.scatter_sigma_mm / exposure.pitch_mm)
    quanta = (direct + exposure.scatter_ratio * spread) * (exposure.quanta / typical)
    noise = rng.standard_normal(quanta.shape, dtype=np.float32)
    counts = np.maximum(quanta + np.sqrt(quanta + ELECTRONIC_QUANTA) * noise, 1.0)
    return -np.log(counts), patient
