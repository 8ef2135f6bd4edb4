"""Habitus of one simulated patient: switches drawn once for both films and recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.training.radiographs.spectrum import bone_share

IMPLANTS = ("none", "screws", "cages", "cement")


@dataclass(frozen=True)
class Habitus:
    """Everything around the vertebrae that can be switched or turned.

    Attributes
    ----------
    age_years : float
    female : bool
    trabecular_hu : float
        CT number of the marrow space; HU by age after Jang 2019, SD 40.
    cortex_share : float
        Dense bone per mm of cortex of the usual thickness: porosity grows with age, thickness varies.
    grain : float
        Relative SD of the trabecular texture.
    half_depth_mm, half_width_mm, fat_mm : float
        Trunk inside the fat, and the fat around it.
    psoas_contrast : float
        How much of a muscle's outline fat shows.
    dome_mm : float
        Top of the diaphragm above the centre of L3: T12 to T9.
    gas_loops, small_gas, faeces : int
        Gas-filled colon segments, small bubbles, lumps of stool.
    stomach_bubble, fold, arms_in_view : bool
    aortic_calcification : int
        Plaques.
    contrast : bool
        Residual barium or contrast medium in kidneys and ureters.
    implant : str
        Of ``IMPLANTS``.
    unevenness : float
        Organs that no ellipsoid stands for.
    """

    age_years: float
    female: bool
    trabecular_hu: float
    cortex_share: float
    grain: float
    half_depth_mm: float
    half_width_mm: float
    fat_mm: float
    psoas_contrast: float
    dome_mm: float
    gas_loops: int
    small_gas: int
    faeces: int
    stomach_bubble: bool
    fold: bool
    arms_in_view: bool
    aortic_calcification: int
    contrast: bool
    implant: str
    unevenness: float

    @property
    def marrow(self) -> float:
        """Millimetres of dense bone per mm of marrow space."""
        return bone_share(self.trabecular_hu)


def draw_habitus(age_years: float, female: bool, rng: np.random.Generator) -> Habitus:
    """From a thin young man with an empty bowel to an old patient with everything."""
    old = float(np.clip((age_years - 25.0) / 60.0, 0.0, 1.0))
    fat = float(np.clip(rng.gamma(2.5, 7.0), 3.0, 60.0))
    return Habitus(
        age_years=round(age_years, 1),
        female=female,
        trabecular_hu=float(np.clip(rng.normal(226.0 - 2.5 * (age_years - 25.0), 40.0), 75.0, 330.0)),
        cortex_share=rng.uniform(0.7, 1.3) * (1.0 - 0.25 * old * rng.random()),
        grain=rng.uniform(0.0, 0.12),
        half_depth_mm=rng.uniform(80.0, 112.0) + 0.35 * fat,
        half_width_mm=rng.uniform(125.0, 165.0) + 0.4 * fat - (8.0 if female else 0.0),
        fat_mm=fat,
        psoas_contrast=rng.uniform(0.02, 0.12),
        dome_mm=rng.uniform(105.0, 200.0),
        gas_loops=int(rng.poisson(1.6)),
        small_gas=int(rng.poisson(rng.choice([1.0, 12.0]))),
        faeces=int(rng.choice([0, 0, 1, 2, 4])),
        stomach_bubble=bool(rng.random() < 0.35),
        fold=bool(rng.random() < min(0.8, fat / 60.0)),
        arms_in_view=bool(rng.random() < 0.06),
        aortic_calcification=int(rng.poisson(14.0 * old**2)) if rng.random() < 0.2 + 0.5 * old else 0,
        contrast=bool(rng.random() < 0.03),
        implant=str(rng.choice(IMPLANTS, p=[0.93, 0.035, 0.015, 0.02])),
        unevenness=rng.uniform(0.2, 1.0),
    )
