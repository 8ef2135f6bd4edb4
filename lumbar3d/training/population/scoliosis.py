"""Lumbar scoliosis: prevalence, size, and the effect on discs, bodies and rotation.

A mixture after population studies (Kebaish 2011, McAviney 2020): four of five people have only a slight asymmetry.
Positive is convex to the left. The apex turns towards the convexity by 0.3 to 0.5 of the curve; part of a larger curve
lies in wedged bodies. The disc under L5 turns back, so that the spine stands over the pelvis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.posture import CORONAL_SD_DEG, Standing
from lumbar3d.training.population.prevalence import NATURAL, Prevalence

SLIGHT_SD_DEG = 4.0
"""Spread of the curve L1-L5 of people without scoliosis, the neutral noise of their segments included."""
SLIGHT_OWN_SD_DEG = float(np.sqrt(SLIGHT_SD_DEG**2 - 4 * CORONAL_SD_DEG**2))
"""What is left for a curve after the noise of the four discs between L1 and L5."""
CLASS_RANGES_DEG = ((0.0, 0.0), (10.0, 20.0), (20.0, 30.0), (30.0, 50.0))
SCOLIOSIS_FROM_DEG = 10.0
APEX_SHARES = (0.35, 0.65)
"""Apex at the second or the third vertebra."""
BODY_SHARE = 0.3
"""Part of a scoliotic curve that lies in wedged bodies."""
LAST_DISC_BACK = -0.3
APEX_ROTATION = (0.3, 0.5)
LARGEST_JOINT_ROTATION_DEG = 5.0
"""Intervertebral rotation that facets without deformity of their own allow."""
LATERAL_SLIP_SHARE, LATERAL_SLIP_FROM_DEG, LATERAL_SLIP_MM = 1 / 3, 20.0, (3.0, 6.0)
FACET_LEVER_MM = 20.0
"""The upper body turns about an axis this far behind the middle of the disc."""


@dataclass(frozen=True)
class Curve:
    """A person's coronal curve.

    Attributes
    ----------
    angle_deg : float
        From the top of L1 to the bottom of the last vertebra; positive is convex to the left.
    apex : int
        Place of the apical vertebra, 0 at L1.
    rotation_deg : float
        Axial rotation of the apex against the ends, towards the convexity.
    lateral_slip_mm : float
        Of the body above the disc under the apex, towards the convexity; 0 without listhesis.
    """

    angle_deg: float
    apex: int
    rotation_deg: float
    lateral_slip_mm: float = 0.0

    @property
    def is_scoliosis(self) -> bool:
        """Whether the curve counts as scoliosis (10 degrees)."""
        return abs(self.angle_deg) >= SCOLIOSIS_FROM_DEG


def draw_curve(rng: np.random.Generator, prevalence: Prevalence = NATURAL) -> Curve:
    """One curve of the mixture."""
    kind = int(rng.choice(4, p=prevalence.curves))
    side = float(rng.choice([-1.0, 1.0]))
    slight = rng.normal(0.0, SLIGHT_OWN_SD_DEG)
    angle = float(slight) if kind == 0 else side * rng.uniform(*CLASS_RANGES_DEG[kind])
    rotation = float(rng.uniform(*APEX_ROTATION)) * angle
    slip = 0.0
    if abs(angle) > LATERAL_SLIP_FROM_DEG and rng.random() < LATERAL_SLIP_SHARE:
        slip = float(np.sign(angle) * rng.uniform(*LATERAL_SLIP_MM))
    return Curve(angle, int(rng.choice([1, 2], p=APEX_SHARES)), rotation, slip)


def wedge_bodies(values: Sequence[dict[str, float]], curve: Curve) -> None:
    """Add the bodies' part of a scoliosis to their coronal wedges, in place."""
    if curve.is_scoliosis:
        share = _shares(np.arange(len(values), dtype=float), curve.apex)
        for vertebra, part in zip(values, share, strict=True):
            vertebra["coronal_wedge_deg"] -= float(BODY_SHARE * curve.angle_deg * part)


def curved(standing: Standing, curve: Curve) -> Standing:
    """The discs' part of the curve added to a neutral posture."""
    count = len(standing.joints)
    inner = _shares(np.arange(count - 1, dtype=float) + 0.5, curve.apex)
    coronal = np.append(inner * (1.0 - BODY_SHARE if curve.is_scoliosis else 1.0), LAST_DISC_BACK) * curve.angle_deg
    turned = np.append(np.exp(-0.5 * ((np.arange(count) - curve.apex) / 1.3) ** 2), 0.0) * curve.rotation_deg
    axial = np.clip(-np.diff(turned), -LARGEST_JOINT_ROTATION_DEG, LARGEST_JOINT_ROTATION_DEG)
    left = FACET_LEVER_MM * np.sin(np.radians(axial))
    left[curve.apex] += curve.lateral_slip_mm
    steps = zip(standing.joints, coronal, axial, left, strict=True)
    joints = tuple(
        joint.moved(coronal_deg=float(c), axial_deg=float(a), left_mm=float(shift)) for joint, c, a, shift in steps
    )
    return replace(standing, joints=joints)


def _shares(places: Array, apex: int) -> Array:
    """Parts of the curve at places along the spine, more near the apex; they sum to one."""
    weight = np.exp(-0.5 * ((places - apex) / 2.0) ** 2)
    return np.asarray(weight / weight.sum())
