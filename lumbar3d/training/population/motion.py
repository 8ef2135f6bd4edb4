"""Bending of the lumbar spine in six degrees of freedom, from the neutral standing posture.

Ranges per segment L1/2 .. L5/S1: flexion and extension of Pearcy 1984, lateral bending of Pearcy and Tibrewal 1984
(half of left plus right), axial rotation and its coupled bend of Fujii 2007 (the bend is to the other side down to
L4/5, to the same side at L5/S1). In flexion the upper body also slides forward and sinks a little, since the axis of
rotation lies behind and below the middle of the disc.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from lumbar3d.training.population.posture import Joint, Standing, disc_rows

Bend = Literal["flexion", "extension", "left_bend", "right_bend", "left_rotation", "right_rotation"]
BENDS: tuple[Bend, ...] = get_args(Bend)

FLEXION_DEG = np.array([8.0, 10.0, 12.0, 13.0, 9.0])
EXTENSION_DEG = np.array([5.0, 3.0, 1.0, 2.0, 5.0])
SIDE_BEND_DEG = np.array([5.0, 5.0, 5.0, 3.0, 1.5])
ROTATION_DEG = np.array([1.5, 1.6, 1.7, 1.6, 1.2])
ROTATION_PER_SIDE_BEND = np.array([-0.15, -0.15, -0.15, -0.15, 0.10])
"""Axial rotation that goes with a degree of bending to the left; front to the right is negative."""
SIDE_BEND_PER_ROTATION = np.array([-1.5, -1.5, -1.3, -1.0, 0.8])
"""Bending to the left that goes with a degree of rotation to the left."""
SLIDE_MM_PER_DEG, SINK_MM_PER_DEG = 0.15, 0.05
"""Of flexion: an axis about 9 mm below and 3 mm behind the middle of the plate above."""
UNEVENNESS = 0.15
"""Standard deviation of one segment's share of its range."""
NEVER_BEYOND = 1.3
"""No segment moves more than this many times its range."""


def bent(standing: Standing, bend: Bend, effort: float, rng: np.random.Generator) -> Standing:
    """The person after bending.

    Parameters
    ----------
    standing : Standing
        Neutral; a joint without mobility does not move.
    bend : str
        One of ``BENDS``.
    effort : float
        Part of the whole range, 0 to 1.
    rng : numpy Generator
        How unevenly the segments share the motion.

    Raises
    ------
    ValueError
        An effort outside 0 to 1.
    """
    if not 0.0 <= effort <= 1.0:
        raise ValueError("effort is a part of the range, 0 to 1")
    rows = disc_rows(len(standing.joints))
    share = effort * np.clip(1.0 + UNEVENNESS * rng.standard_normal(len(rows)), 0.0, NEVER_BEYOND)
    joints = tuple(
        _moved(joint, bend, row, float(part * joint.mobility))
        for joint, row, part in zip(standing.joints, rows, share, strict=True)
    )
    return replace(standing, joints=joints)


def _moved(joint: Joint, bend: Bend, row: int, share: float) -> Joint:
    if bend == "flexion":
        angle = float(FLEXION_DEG[row]) * share
        return joint.moved(sagittal_deg=-angle, forward_mm=SLIDE_MM_PER_DEG * angle, height_mm=-SINK_MM_PER_DEG * angle)
    if bend == "extension":
        angle = float(EXTENSION_DEG[row]) * share
        return joint.moved(sagittal_deg=angle, forward_mm=-SLIDE_MM_PER_DEG * angle)
    side = 1.0 if bend.startswith("left") else -1.0
    if bend.endswith("_bend"):
        angle = side * float(SIDE_BEND_DEG[row]) * share
        # Bending to the left lifts the right side: a curve convex to the right.
        return joint.moved(coronal_deg=-angle, axial_deg=float(ROTATION_PER_SIDE_BEND[row]) * angle)
    angle = side * float(ROTATION_DEG[row]) * share
    return joint.moved(axial_deg=angle, coronal_deg=-float(SIDE_BEND_PER_ROTATION[row]) * angle)
