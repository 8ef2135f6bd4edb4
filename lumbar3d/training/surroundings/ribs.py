"""Ribs as they run on films: down and around the trunk, wider and narrower, thinning out to the costal margin."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.radiographs.hollow import HollowBone
from lumbar3d.training.radiographs.skeleton import rib_along

POINTS = 34
REACH_DEG = np.array([168.0, 166.0, 158.0, 140.0, 95.0, 50.0])
"""How far round the trunk each of ribs 7 to 12 goes, from the spine."""
REACH_SD_DEG = np.array([6.0, 6.0, 10.0, 18.0, 22.0, 20.0])
FALL_MM = np.array([95.0, 95.0, 95.0, 90.0, 75.0, 55.0])
"""How far it falls on its way over the flank (Dansereau and Stokes 1988 find 45 to 60 degrees of slope)."""
NARROWING = np.array([1.04, 1.04, 1.02, 0.98, 0.92, 0.82])


def wide_ribs(poses: list[Array], rng: np.random.Generator) -> list[HollowBone]:
    """Both sides of ribs 8 to 12 (T8 .. T12 in ``poses``), one trunk's, each somewhat its own way."""
    depth, width = rng.uniform(75.0, 125.0), rng.uniform(95.0, 160.0)
    fall, bow = rng.uniform(0.5, 1.5), rng.uniform(0.5, 1.4)
    wall, thick = rng.uniform(0.5, 1.4), np.exp(rng.normal(0.0, 0.15, 2))
    short = rng.random()
    bones = []
    for row, pose in enumerate(poses):
        k = row + len(REACH_DEG) - len(poses)
        for side in (-1.0, 1.0):
            reach = np.radians(max(REACH_DEG[k] + rng.normal(0.0, REACH_SD_DEG[k]), 20.0))
            if k == len(REACH_DEG) - 1 and short < 0.2:
                reach = np.radians(rng.uniform(17.0, 26.0))
            size = np.array([depth, side * width * NARROWING[k] * np.exp(rng.normal(0.0, 0.03))])
            drop = FALL_MM[k] * fall * np.exp(rng.normal(0.0, 0.12))
            bones.append(_rib(pose, size, (reach, drop, bow), (wall, *thick)))
    return bones


def _rib(pose: Array, size: Array, course: tuple[float, float, float], make: tuple[float, float, float]) -> HollowBone:
    """Head beside the body, over the transverse process to the angle, then along an ellipse, falling, and thinner."""
    reach, drop, bow = course
    wall_mm, high, thick = make
    angle = np.linspace(0.28, max(reach, 0.4), POINTS - 3)
    share = np.clip((angle - 0.28) / (np.pi * 0.75), 0.0, 1.2)
    fall = drop * (np.sin(0.5 * np.pi * np.clip(share, 0.0, 1.0)) ** bow - 0.35 * np.clip(share - 0.75, 0.0, None))
    length = np.linspace(0.0, 1.0, POINTS - 3)
    end_taper = np.clip((1.0 - length) / 0.12, 0.08, 1.0) * (1.0 - 0.25 * np.clip(length - 0.5, 0.0, None))
    return rib_along(pose, size, (angle, fall, end_taper), (6.4 * high, 3.5 * thick, wall_mm))
