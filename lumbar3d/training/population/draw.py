"""Drawing of a person: sex, age, stature, what vertebrae share, and every dimension of each lumbar vertebra."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.training.population import correlations as cor
from lumbar3d.training.population.correlations import PATTERNS, Pattern
from lumbar3d.training.population.literature import LiteratureNorm, Sex, norms

AGE_RANGE_YEARS = (20.0, 90.0)
STATURE_CM: Mapping[Sex, tuple[float, float]] = {"male": (175.0, 7.0), "female": (162.0, 6.5)}
"""Mean and standard deviation of adults."""
LARGEST_SD = 3.0
"""Values are kept within this many standard deviations of their mean."""
TEMPLATE_LEVELS: Mapping[int, tuple[str, ...]] = {
    4: LEVELS[:4],
    5: LEVELS,
    6: (*LEVELS[:4], *LEVELS[3:]),
}
"""Whose norms and template each vertebra of a spine of four, five or six follows: the last of six is like an L5."""
NEVER_NEGATIVE = ("superior_concavity_mm", "inferior_concavity_mm", "rim_lip_mm")
SMALLEST_FRACTION = 0.5
"""No length falls under this part of its mean."""


@dataclass(frozen=True)
class Traits:
    """Traits that are asked of a person; ``None`` is drawn.

    Attributes
    ----------
    sex : str, optional
    age_years : float, optional
    stature_cm : float, optional
    lumbar_count : int
        Four, five or six.
    """

    sex: Sex | None = None
    age_years: float | None = None
    stature_cm: float | None = None
    lumbar_count: int = 5


@dataclass(frozen=True, eq=False)
class Person:
    """A drawn person before posture.

    Attributes
    ----------
    sex : str
    age_years, stature_cm : float
    template_levels : tuple of str
        Whose template and norms each vertebra follows, from the head down.
    factors : mapping of str to float
        The person's factors in SD: size, lordosis, width, ...
    values : tuple of mapping of str to float
        Dimensions of each vertebra, mm and degrees.
    """

    sex: Sex
    age_years: float
    stature_cm: float
    template_levels: tuple[str, ...]
    factors: Mapping[str, float]
    values: tuple[dict[str, float], ...]

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the vertebrae, L1 down to L4, L5 or L6."""
        return tuple(f"L{k + 1}" for k in range(len(self.template_levels)))


def draw_person(rng: np.random.Generator, traits: Traits | None = None) -> Person:
    """One adult; what ``traits`` leaves open is drawn."""
    traits = traits or Traits()
    sex: Sex = "female" if rng.random() < 0.5 else "male"
    sex = traits.sex or sex
    age = float(np.clip(rng.normal(cor.MEAN_AGE_YEARS, cor.AGE_SD_YEARS), *AGE_RANGE_YEARS))
    age = age if traits.age_years is None else traits.age_years
    mean, sd = STATURE_CM[sex]
    stature = float(rng.normal(mean, sd))
    stature = stature if traits.stature_cm is None else traits.stature_cm
    factors = _factors((stature - mean) / sd, rng)
    levels = TEMPLATE_LEVELS[traits.lumbar_count]
    standard = _standard_values(factors, len(levels), rng)
    age_sd = (age - cor.MEAN_AGE_YEARS) / cor.AGE_SD_YEARS
    values: tuple[dict[str, float], ...] = tuple({} for _ in levels)
    for parameter, pattern in PATTERNS.items():
        for k, level in enumerate(levels):
            norm = norms()[parameter][level]
            values[k][parameter] = _value(parameter, norm, sex, _aged(pattern, norm, standard[parameter][k], age_sd))
    return Person(sex, age, stature, levels, factors, values)


def _factors(stature_sd: float, rng: np.random.Generator) -> dict[str, float]:
    """The person's factors; size follows stature, the height factor follows size."""
    factors = {name: float(rng.standard_normal()) for name in cor.FACTORS}
    own = np.sqrt(1.0 - cor.SIZE_WITH_STATURE**2) * factors["size"]
    factors["size"] = cor.SIZE_WITH_STATURE * stature_sd + float(own)
    own = np.sqrt(1.0 - cor.HEIGHT_WITH_SIZE**2) * factors["height"]
    factors["height"] = cor.HEIGHT_WITH_SIZE * factors["size"] + float(own)
    return factors


def _standard_values(factors: Mapping[str, float], count: int, rng: np.random.Generator) -> dict[str, Array]:
    """Each parameter in SD at each level (count,), without age."""
    joint_along: dict[str, Array] = {}
    joint_own: dict[str, Array] = {}
    own_parts: dict[str, Array] = {}
    out = {}
    for parameter, pattern in PATTERNS.items():
        along, own = autoregressive(count + 1, rng), rng.standard_normal(count + 1)
        if pattern.joint:
            along = joint_along.setdefault(pattern.joint, along)
            own = joint_own.setdefault(pattern.joint, own)
        if pattern.own_key:
            own = own_parts.setdefault(pattern.own_key, own)
        place = slice(1, None) if parameter in cor.LOWER_SIDE else slice(0, count)
        value = pattern.along * along[place] + pattern.own * own[place]
        out[parameter] = (value + _shared(parameter, pattern, factors, count)) / pattern.norm
    return out


def _shared(parameter: str, pattern: Pattern, factors: Mapping[str, float], count: int) -> Array:
    """The person's part at each level (count,); bodies of L1 and L2 do not follow the lordosis but vary as much."""
    part = np.full(count, sum(load * factors[name] for name, load in pattern.factors.items()))
    if parameter == "sagittal_wedge_deg":
        part[: len(cor.UPPER_LEVELS_WITHOUT_LORDOSIS)] = pattern.factors["lordosis"] * factors["upper_wedge"]
    return part


def autoregressive(count: int, rng: np.random.Generator) -> Array:
    """First-order autoregressive sequence (count,) of unit variance along the levels."""
    noise = rng.standard_normal(count)
    out = noise.copy()
    for k in range(1, count):
        out[k] = cor.ALONG_LEVELS * out[k - 1] + np.sqrt(1.0 - cor.ALONG_LEVELS**2) * noise[k]
    return out


def _aged(pattern: Pattern, norm: LiteratureNorm, value_sd: float, age_sd: float) -> float:
    """Add age's share of the variance."""
    share = pattern.age_slope * cor.AGE_SD_YEARS / norm.sd
    return float(np.sqrt(1.0 - min(share, 0.9) ** 2) * value_sd + share * age_sd)


def _value(parameter: str, norm: LiteratureNorm, sex: Sex, value_sd: float) -> float:
    """Absolute value; lengths stay positive."""
    mean = norm.mean(sex)
    value = mean + norm.sd * float(np.clip(value_sd, -LARGEST_SD, LARGEST_SD))
    if parameter in NEVER_NEGATIVE:
        return max(value, 0.0)
    if parameter.endswith("_mm") and mean > 2.0 * norm.sd:
        return max(value, SMALLEST_FRACTION * mean)
    return value
