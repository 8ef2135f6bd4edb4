"""Disorders of joints: disc degeneration, slips, fused pairs, lumbar counts; how often, and what they do.

Shares are estimates after population studies: degeneration grows with age and is twice as likely in the last two discs;
degenerative slips are women's and older people's, mostly of L4 on L5; four or six lumbar vertebrae in one of eleven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.training.population.draw import Person
from lumbar3d.training.population.posture import Joint, Standing
from lumbar3d.training.population.prevalence import NATURAL, Prevalence

COUNT_SHARES = {4: 0.04, 5: 0.91, 6: 0.05}
WORN_AT_25, WORN_AT_75 = 0.05, 0.50
LOWER_DISCS_TWICE = (0.7, 1.4)
"""Factors of the upper discs and of the last two."""
WORN_HEIGHT, WORN_MOBILITY = (0.40, 0.85), 0.7
SLIP_FROM_AGE_YEARS = 50.0
SLIP_PLACES = (0.2, 0.8)
"""The third or the second joint from the sacrum: L3/4 or L4/5."""
SLIP_PART_OF_DEPTH = (0.08, 0.25)
LYTIC_PART_OF_DEPTH = (0.10, 0.30)
"""Slips of the last vertebra on the sacrum, at any age."""
BACKWARD_MM = (2.5, 5.0)
FACETS_ABOVE, FACETS_BELOW = 0.6, 0.4
"""How a slip is shared by the remodelled joint: the upper vertebra's facets stay behind, the lower one's give way."""
FUSED_SHARE, FUSED_HEIGHT_MM = 0.007, 3.5
SMALLEST_HEIGHT_MM, SMALLEST_CORNER_MM = 3.0, 1.5


@dataclass(frozen=True)
class Slip:
    """A body that has slid on the one below.

    Attributes
    ----------
    joint : int
        Place of the joint, 0 at L1/L2.
    forward_mm : float
        Negative is backwards.
    lytic : bool
        Whether the arch is no longer held by its facets (here only above the sacrum, whose facets are not modelled).
    """

    joint: int
    forward_mm: float
    lytic: bool = False


@dataclass(frozen=True)
class Disorders:
    """Disorders of a person's joints.

    Attributes
    ----------
    worn : tuple of (int, float)
        Joint and the part of its height that is left.
    slips : tuple of Slip
    fused : int, optional
        Joint whose vertebrae have grown together.
    """

    worn: tuple[tuple[int, float], ...] = ()
    slips: tuple[Slip, ...] = ()
    fused: int | None = None


def draw_count(rng: np.random.Generator) -> int:
    """Four, five or six lumbar vertebrae."""
    return int(rng.choice(list(COUNT_SHARES), p=list(COUNT_SHARES.values())))


def draw_disorders(person: Person, rng: np.random.Generator, prevalence: Prevalence = NATURAL) -> Disorders:
    """Draw the disorders of a person of this age and sex."""
    count = len(person.values)
    likely = np.interp(person.age_years, [25.0, 75.0], [WORN_AT_25, WORN_AT_75])
    factor = np.array([LOWER_DISCS_TWICE[int(k >= count - 2)] for k in range(count)])
    worn = np.flatnonzero(rng.random(count) < likely * factor)
    left = rng.uniform(*WORN_HEIGHT, count)
    fused = int(rng.integers(count - 1)) if rng.random() < FUSED_SHARE else None
    slips = tuple(slip for slip in _draw_slips(person, rng, prevalence) if slip.joint != fused)
    return Disorders(tuple((int(k), float(left[k])) for k in worn if k != fused), slips, fused)


def _draw_slips(person: Person, rng: np.random.Generator, prevalence: Prevalence) -> list[Slip]:
    last = len(person.values) - 1
    depth = person.values[-1]["upper_depth_mm"]
    chance, part, place = rng.random(3), rng.uniform(*SLIP_PART_OF_DEPTH), int(rng.choice([2, 1], p=SLIP_PLACES))
    lytic_part, backward, level = rng.uniform(*LYTIC_PART_OF_DEPTH), rng.uniform(*BACKWARD_MM), int(rng.integers(last))
    if person.age_years > SLIP_FROM_AGE_YEARS and chance[0] < prevalence.slipped[person.sex]:
        return [Slip(last - place, float(part * depth))]
    if chance[1] < prevalence.lytic:
        return [Slip(last, float(lytic_part * depth), lytic=True)]
    return [Slip(level, -float(backward))] if chance[2] < prevalence.slipped_back else []


def remodel_facets(values: Sequence[dict[str, float]], disorders: Disorders) -> None:
    """Let the facets follow a slip, in place, so that the bodies can."""
    for slip in disorders.slips:
        if not slip.lytic:
            values[slip.joint]["inferior_facet_x_mm"] -= FACETS_ABOVE * slip.forward_mm
            values[slip.joint + 1]["superior_facet_x_mm"] += FACETS_BELOW * slip.forward_mm


def disordered(standing: Standing, disorders: Disorders, depth_mm: float) -> Standing:
    """The posture with worn, slipped and fused joints; discs keep room for their angle.

    Parameters
    ----------
    standing : Standing
    disorders : Disorders
    depth_mm : float
        Depth of the plates, which bounds the angle of a low disc.
    """
    joints = list(standing.joints)
    for k, left in disorders.worn:
        joints[k] = replace(joints[k], height_mm=joints[k].height_mm * left, mobility=WORN_MOBILITY)
    for slip in disorders.slips:
        joints[slip.joint] = joints[slip.joint].moved(forward_mm=slip.forward_mm)
    if disorders.fused is not None:
        fused = joints[disorders.fused]
        joints[disorders.fused] = replace(
            fused, height_mm=FUSED_HEIGHT_MM, sagittal_deg=0.3 * fused.sagittal_deg, mobility=0.0
        )
    return replace(standing, joints=tuple(_with_room(joint, depth_mm) for joint in joints))


def _with_room(joint: Joint, depth_mm: float) -> Joint:
    """Bound the height below, and the angles so that the plates' corners do not meet."""
    height = max(joint.height_mm, SMALLEST_HEIGHT_MM)
    sagittal = np.degrees(np.arctan((height - SMALLEST_CORNER_MM) / (depth_mm / 2.0)))
    return replace(joint, height_mm=height, sagittal_deg=float(np.clip(joint.sagittal_deg, -sagittal, sagittal)))
