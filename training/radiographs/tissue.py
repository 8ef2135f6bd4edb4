"""Soft tissue and gas as ellipsoids: skin line, muscle, psoas, lungs, liver, bowel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from training.radiographs.fields import ellipsoid_chords, enlarge

Array = NDArray[np.float64]
Image = NDArray[np.float32]

MU_MUSCLE_PER_MM = 0.0212
MU_FAT_PER_MM = 0.0187
"""At an effective 62 keV (NIST mass attenuation, ICRU-44 tissues)."""
COARSE_PX = 128
"""Soft tissue has no sharp edges: this many columns are enough."""


@dataclass
class Ellipsoids:
    """A growing list of ellipsoids with their attenuation differences."""

    whitening: list[Array] = field(default_factory=list)
    centres: list[Array] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, centre: Array, half_axes: Array, weight: float, turn: Array | None = None) -> None:
        """One ellipsoid: (3,) centre and half axes in mm, attenuation per mm, optional rotation (3, 3)."""
        scale = np.diag(1.0 / np.asarray(half_axes, dtype=float))
        self.whitening.append(scale if turn is None else scale @ turn.T)
        self.centres.append(np.asarray(centre, dtype=float))
        self.weights.append(weight)

    def attenuation(self, beam: ConeBeam) -> Image:
        """-ln of the transmission of all of them, (rows, columns)."""
        factor = beam.columns // COARSE_PX
        coarse = beam.downsampled(factor)
        v, u = np.mgrid[: coarse.rows, : coarse.columns]
        _, directions = coarse.rays(np.stack([u, v], -1))
        chords = ellipsoid_chords(
            beam.source_world_mm,
            directions,
            np.ascontiguousarray(self.whitening),
            np.array(self.centres),
            np.array(self.weights),
        )
        return enlarge(chords, factor)


def draw_body(middle: Array, rng: np.random.Generator) -> Ellipsoids:
    """The trunk around a lumbar spine whose centre is ``middle`` (3,), mm."""
    body = Ellipsoids()
    depth, width = rng.uniform(95.0, 145.0), rng.uniform(130.0, 185.0)
    fat = rng.uniform(6.0, 35.0)
    trunk = middle + [depth - 100.0 - fat / 2, rng.normal(0, 8), 0.0]
    body.add(trunk, [depth + fat, width + fat, 900.0], MU_FAT_PER_MM)
    body.add(trunk, [depth, width, 1e6], MU_MUSCLE_PER_MM - MU_FAT_PER_MM)
    _add_muscles(body, middle, rng)
    _add_chest(body, middle, rng)
    _add_bowel(body, middle, (depth, width), rng)
    return body


def _add_muscles(body: Ellipsoids, middle: Array, rng: np.random.Generator) -> None:
    fat_gap = rng.uniform(0.0006, 0.0022)
    for side in (-1.0, 1.0):
        tilt = frames.rotation_from_vector(np.array([side * rng.uniform(0.15, 0.3), 0.0, 0.0]))
        psoas = middle + [-2.0, side * rng.uniform(38, 50), -35.0]
        body.add(psoas, [rng.uniform(18, 28), rng.uniform(16, 27), rng.uniform(110, 150)], fat_gap, tilt)
        erector = middle + [-62.0, side * rng.uniform(30, 38), 0.0]
        body.add(erector, [rng.uniform(18, 27), rng.uniform(22, 32), 400.0], fat_gap)
        kidney = middle + [-5.0, side * rng.uniform(55, 80), rng.uniform(10, 50)]
        body.add(kidney, [22.0, 26.0, rng.uniform(48, 60)], fat_gap * rng.uniform(0.2, 1.0), tilt)
    liver = middle + [60.0, -75.0, rng.uniform(50, 100)]
    body.add(liver, [80.0, 75.0, rng.uniform(55, 85)], rng.uniform(0.0, 0.002))


def _add_chest(body: Ellipsoids, middle: Array, rng: np.random.Generator) -> None:
    base = rng.uniform(55.0, 130.0)
    for side in (-1.0, 1.0):
        height = 260.0
        lung = middle + [rng.uniform(5, 40), side * rng.uniform(65, 85), base + height + rng.uniform(-15, 15)]
        body.add(lung, [rng.uniform(70, 95), rng.uniform(50, 70), height], -rng.uniform(0.011, 0.017))


def _add_bowel(body: Ellipsoids, middle: Array, trunk: tuple[float, float], rng: np.random.Generator) -> None:
    depth, width = trunk
    for _ in range(rng.integers(0, 22)):
        place = middle + [
            rng.uniform(30.0, 2 * depth - 110.0),
            rng.uniform(-0.75, 0.75) * width,
            rng.uniform(-150.0, 90.0),
        ]
        turn = frames.rotation_from_vector(rng.normal(0.0, 1.0, 3))
        size = rng.uniform(5.0, 30.0) * np.exp(rng.normal(0.0, 0.35, 3))
        content = -rng.uniform(0.4, 1.0) if rng.random() < 0.8 else rng.uniform(0.05, 0.25)
        body.add(place, size, content * 0.0206, turn)
