"""Deposits of calcium and contrast outside the bones: plaques of the aorta, barium in the colon, excreting kidneys."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.habitus import Habitus
from lumbar3d.training.radiographs.spine import Spine

AORTA_BEFORE_MM, AORTA_LEFT_MM = 34.0, np.array([14.0, 12.0, 9.0, 5.0])
"""From the centres of L1 .. L4 to the aorta, which divides before L4."""


def add_deposits(calcium: Ellipsoids, spine: Spine, habitus: Habitus, rng: np.random.Generator) -> None:
    """Everything dense that the habitus asks for, in millimetres of dense bone."""
    _add_plaques(calcium, spine, habitus.aortic_calcification, rng)
    if habitus.contrast:
        _add_contrast(calcium, spine.lumbar[2].mesh.vertices.mean(axis=0), rng)


def _add_plaques(calcium: Ellipsoids, spine: Spine, count: int, rng: np.random.Generator) -> None:
    """Thin plates on the wall of a tube in front of the spine."""
    centres = np.array([vertebra.landmarks_mm[:2].mean(axis=0) for vertebra in spine.lumbar[:4]])
    course = centres + np.stack([np.full(4, AORTA_BEFORE_MM), AORTA_LEFT_MM, np.zeros(4)], -1)
    radius = rng.uniform(8.0, 12.0)
    for _ in range(count):
        at, angle = 3.0 * np.sqrt(rng.random()), rng.uniform(0.0, 2 * np.pi)
        middle = np.array([np.interp(at, np.arange(4), axis) for axis in course.T])
        place = middle + radius * np.array([np.cos(angle), np.sin(angle), 0.0])
        turn = frames.rotation_from_vector(np.array([0.0, 0.0, angle]))
        size = [rng.uniform(0.5, 1.1), rng.uniform(1.5, 6.0), rng.uniform(2.0, 11.0)]
        calcium.add(place, np.array(size), rng.uniform(0.25, 0.8), turn)


def _add_contrast(calcium: Ellipsoids, middle: Array, rng: np.random.Generator) -> None:
    """Either barium left in the colon or contrast medium in calyces and ureters."""
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(5, 40))):
            place = middle + [
                rng.uniform(20.0, 70.0),
                rng.choice([-1.0, 1.0]) * rng.uniform(70, 120),
                rng.uniform(-120, 60),
            ]
            calcium.add(place, rng.uniform(2.0, 7.0, 3), rng.uniform(0.3, 2.0))
        return
    for side in (-1.0, 1.0):
        kidney = middle + [0.0, side * rng.uniform(50.0, 60.0), rng.uniform(20.0, 50.0)]
        for _ in range(5):
            calcium.add(kidney + rng.normal(0.0, [4.0, 7.0, 18.0]), rng.uniform(3.0, 8.0, 3), 0.35)
        ureter = kidney + [10.0, -side * 12.0, -90.0]
        calcium.add(ureter, np.array([2.0, 2.0, 75.0]), 0.35)
