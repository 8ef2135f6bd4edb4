"""Prevalence of disorders: as in life, and as often as networks must see them to learn them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lumbar3d.training.population.literature import Sex


@dataclass(frozen=True, eq=False)
class Prevalence:
    """Shares of people, vertebrae and plates; what is not named here (worn discs, fused pairs) is as in life.

    Attributes
    ----------
    fractured : mapping of str to (float, float)
        By sex, people with a lumbar fracture at 50 and at 85 years; before and after as at these ages.
    second_fracture : float
        Of people with one fracture: have another.
    fracture_levels : tuple of float
        Weights from L1 down.
    fracture_kinds : tuple of float
        Wedge, biconcave, crush.
    fracture_losses : tuple of float
        Genant's grades 1, 2, 3 and collapse, which is a grade 3 that has lost more than half (``fractures.LOSSES``).
    spurred_plates : (float, float)
        Plates with an osteophyte at 40 and at 80 years.
    slipped : mapping of str to float
        By sex, people over 50 with a degenerative slip.
    lytic, slipped_back : float
        People of any age whose last vertebra has slipped on the sacrum; of whom one body has slid backwards.
    curves : tuple of float
        People without scoliosis, and with one of 10-20, 20-30, 30-50 degrees.
    uneven : float
        People with uneven endplates (``endplates``).
    """

    fractured: Mapping[Sex, tuple[float, float]]
    second_fracture: float
    fracture_levels: tuple[float, ...]
    fracture_kinds: tuple[float, float, float]
    fracture_losses: tuple[float, float, float, float]
    spurred_plates: tuple[float, float]
    slipped: Mapping[Sex, float]
    lytic: float
    slipped_back: float
    curves: tuple[float, float, float, float]
    uneven: float


NATURAL = Prevalence(
    fractured={"female": (0.03, 0.25), "male": (0.03, 0.12)},
    second_fracture=0.2,
    # The thoracolumbar junction breaks most.
    fracture_levels=(0.45, 0.20, 0.14, 0.12, 0.09, 0.09),
    fracture_kinds=(0.6, 0.25, 0.15),
    fracture_losses=(0.5, 0.35, 0.15, 0.0),
    spurred_plates=(0.04, 0.35),
    slipped={"female": 0.08, "male": 0.03},
    lytic=0.04,
    slipped_back=0.03,
    curves=(0.80, 0.15, 0.04, 0.01),
    uneven=0.0,
)
"""Estimates after population studies (fractures after studies of the whole spine); plates are only smoothly uneven."""

OFTEN = replace(
    NATURAL,
    fractured={"female": (0.25, 0.25), "male": (0.25, 0.25)},
    second_fracture=0.4,
    fracture_levels=(0.30, 0.20, 0.18, 0.17, 0.15, 0.15),
    fracture_kinds=(0.4, 0.3, 0.3),
    fracture_losses=(0.5, 0.2, 0.15, 0.15),
    spurred_plates=(0.15, 0.50),
    slipped={"female": 0.25, "male": 0.15},
    lytic=0.08,
    slipped_back=0.10,
    curves=(0.60, 0.20, 0.12, 0.08),
    uneven=0.35,
)
"""People to learn from. In life two vertebrae in a thousand have lost more than 40 % of their height: a network trained
on that takes a collapsed body for a sound one. One person in four has a fracture here, at any age and more evenly
along the spine, half of them of grade 2 and 3; the other disorders are two to eight times as frequent as in life.
Measured populations stay ``NATURAL``."""
