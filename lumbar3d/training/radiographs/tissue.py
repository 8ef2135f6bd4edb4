"""Soft tissue and gas of the trunk, in millimetres of muscle: skin line, fat, muscles, lungs and diaphragm, organs."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.training.radiographs.bowel import add_bowel
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.habitus import Habitus
from lumbar3d.training.radiographs.spectrum import FAT_AS_MUSCLE

TRUNK_COLUMNS, ORGAN_COLUMNS = 128, 256
"""The skin has no sharp edges, a gas bubble has."""
LUNG_LOSS = -0.72
BONE_AS_MUSCLE = 1.2
"""Extra attenuation of a long bone, marrow included, where its hardening does not matter."""
DOME_MM = 85.0
"""Height of a diaphragm's dome."""
SIDES = (-1.0, 1.0)


def draw_trunk(middle: Array, habitus: Habitus, rng: np.random.Generator) -> tuple[Ellipsoids, Ellipsoids]:
    """Smooth and sharper-edged parts of the trunk around a lumbar spine whose centre is ``middle`` (3,), mm."""
    smooth, organs = Ellipsoids(TRUNK_COLUMNS), Ellipsoids(ORGAN_COLUMNS)
    centre = middle + [habitus.half_depth_mm - 92.0, rng.normal(0.0, 8.0), 0.0]
    _add_wall(smooth, centre, habitus, rng)
    _add_muscles(organs, middle, habitus, rng)
    _add_chest(organs, middle, habitus, rng)
    add_bowel(organs, middle, habitus, rng)
    if habitus.arms_in_view:
        _add_arms(organs, centre, habitus, rng)
    return smooth, organs


def _add_wall(body: Ellipsoids, centre: Array, habitus: Habitus, rng: np.random.Generator) -> None:
    """Fat around muscle; hips, buttocks, breasts and folds stand out of the cylinder."""
    depth, width, fat = habitus.half_depth_mm, habitus.half_width_mm, habitus.fat_mm
    skin = body.add(centre, [depth + 0.8 * fat, width + fat, 1200.0], FAT_AS_MUSCLE)
    body.add(centre, [depth, width, 3000.0], 1.0 - FAT_AS_MUSCLE)
    hips = centre + [-20.0, 0.0, rng.uniform(-230.0, -190.0)]
    body.add(hips, [0.8 * depth, width + fat + rng.uniform(5.0, 30.0), 150.0], FAT_AS_MUSCLE, carve=skin)
    seat = centre + [-depth + rng.uniform(10.0, 35.0), 0.0, rng.uniform(-330.0, -260.0)]
    body.add(seat, [48.0 + 0.8 * fat, 0.85 * width, 190.0], FAT_AS_MUSCLE, carve=skin)
    if habitus.female:
        for side in SIDES:
            breast = centre + [depth + 0.8 * fat - 15.0, side * 80.0, rng.uniform(160.0, 240.0)]
            size = rng.uniform(45.0, 75.0) + 0.4 * fat
            body.add(breast, [0.8 * size, size, 1.1 * size], FAT_AS_MUSCLE, carve=skin)
    if habitus.fold:
        belly = centre + [depth - 30.0, 0.0, rng.uniform(-150.0, -60.0)]
        half_axes = [rng.uniform(40.0, 60.0) + 1.2 * fat, 0.85 * width, rng.uniform(90.0, 160.0)]
        body.add(belly, half_axes, FAT_AS_MUSCLE, carve=skin)


def _add_arms(body: Ellipsoids, centre: Array, habitus: Habitus, rng: np.random.Generator) -> None:
    """Raised forearms and elbows before the chest: muscle around two thick bones."""
    front = habitus.half_depth_mm + habitus.fat_mm
    slope = frames.rotation_from_vector(np.array([0.0, rng.uniform(-1.2, 0.3), 0.0]))
    for side in SIDES:
        elbow = centre + [front + rng.uniform(0.0, 60.0), side * rng.uniform(90.0, 150.0), rng.uniform(60.0, 180.0)]
        body.add(elbow, np.array([31.0, 31.0, 140.0]), 1.0, slope)
        for offset in (-9.0, 9.0):
            body.add(elbow + [offset, 0.0, 0.0], np.array([6.5, 6.5, 130.0]), BONE_AS_MUSCLE, slope)


def _add_muscles(body: Ellipsoids, middle: Array, habitus: Habitus, rng: np.random.Generator) -> None:
    """Psoas, erector spinae and kidneys stand out against the fat between them."""
    gap = habitus.psoas_contrast
    for side in SIDES:
        tilt = frames.rotation_from_vector(np.array([side * rng.uniform(0.15, 0.3), 0.0, 0.0]))
        psoas = middle + [-2.0, side * rng.uniform(38.0, 50.0), -35.0]
        body.add(psoas, [rng.uniform(18, 28), rng.uniform(16, 27), rng.uniform(110, 150)], gap, tilt)
        erector = middle + [-62.0, side * rng.uniform(30.0, 38.0), 0.0]
        body.add(erector, [rng.uniform(18, 27), rng.uniform(22, 32), 400.0], gap)
        kidney = middle + [-5.0, side * rng.uniform(55.0, 80.0), rng.uniform(10.0, 50.0)]
        body.add(kidney, [22.0, 26.0, rng.uniform(48.0, 60.0)], gap * rng.uniform(0.2, 1.0), tilt)
    liver = middle + [60.0, -75.0, rng.uniform(50.0, 100.0)]
    body.add(liver, [80.0, 75.0, rng.uniform(55.0, 85.0)], rng.uniform(0.0, 0.08))


def _add_chest(body: Ellipsoids, middle: Array, habitus: Habitus, rng: np.random.Generator) -> None:
    """Lungs stand on the diaphragm's domes (the right one higher) and reach lower behind and beside them."""
    for side in SIDES:
        top = habitus.dome_mm + (8.0 if side < 0 else 0.0) + rng.uniform(-10.0, 10.0)
        half = np.array([rng.uniform(82.0, 98.0), rng.uniform(56.0, 66.0), 260.0])
        lung = middle + [rng.uniform(15.0, 30.0), side * rng.uniform(70.0, 80.0), top - DOME_MM - 10.0 + half[2]]
        dome = np.array([lung[0] + rng.uniform(8.0, 25.0), lung[1], middle[2] + top - DOME_MM])
        cut = body.add(dome, [1.12 * half[0], 1.12 * half[1], DOME_MM], 0.0)
        body.add(lung, half, LUNG_LOSS, carve=cut)
