"""Gas and stool in stomach and bowel."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.habitus import Habitus

COLON = np.array(
    [[0.35, -0.68, -110], [0.2, -0.72, -30], [0.35, -0.66, 40], [0.8, -0.3, 5], [0.85, 0.2, 0], [0.4, 0.62, 55],
     [0.15, 0.74, 80], [0.05, 0.76, 10], [0.2, 0.7, -80], [0.4, 0.45, -130], [0.35, 0.1, -150], [-0.2, 0.0, -190]]
)  # fmt: skip
"""Course of the colon from the caecum: x as a share of the way from L3 to the front of the trunk, y as a share of its
half width, z in mm above L3."""


def add_bowel(body: Ellipsoids, middle: Array, habitus: Habitus, rng: np.random.Generator) -> None:
    """Stretches of colon with gas or stool, small-bowel bubbles, the stomach's bubble above its fluid level."""
    front = 2.0 * habitus.half_depth_mm - 105.0
    course = COLON * [front, habitus.half_width_mm, 1.0] + rng.normal(0.0, [12.0, 8.0, 14.0], COLON.shape)
    for _ in range(habitus.gas_loops):
        _add_loop(body, middle + _stretch(course, rng), rng)
    for _ in range(habitus.faeces):
        _add_stool(body, middle + _stretch(course, rng), rng)
    for _ in range(habitus.small_gas):
        place = middle + rng.uniform([0.3, -0.5, -140.0], [0.9, 0.5, 50.0]) * [front, habitus.half_width_mm, 1.0]
        size = rng.uniform(4.0, 13.0) * np.exp(rng.normal(0.0, 0.3, 3))
        body.add(place, size, -rng.uniform(0.4, 1.0), _turn(rng))
    if habitus.stomach_bubble:
        place = middle + [rng.uniform(15.0, 50.0), 0.42 * habitus.half_width_mm, rng.uniform(75.0, 120.0)]
        fluid = body.add(place - [0.0, 0.0, 400.0 + rng.uniform(0.0, 25.0)], [400.0, 400.0, 400.0], 0.0)
        body.add(place, rng.uniform([25.0, 25.0, 25.0], [45.0, 50.0, 45.0]), -0.95, carve=fluid)


def _turn(rng: np.random.Generator) -> Array:
    return frames.rotation_from_vector(rng.normal(0.0, 1.0, 3))


def _stretch(course: Array, rng: np.random.Generator) -> Array:
    """Points about 18 mm apart along a random part of the colon, (n, 3)."""
    start = rng.uniform(0.0, len(course) - 2.0)
    at = np.linspace(start, min(start + rng.uniform(0.3, 2.2), len(course) - 1.0), 40)
    points = np.stack([np.interp(at, np.arange(len(course)), axis) for axis in course.T], -1)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    places = np.arange(0.0, max(along[-1], 1.0), rng.uniform(12.0, 20.0))
    return np.stack([np.interp(places, along, axis) for axis in points.T], -1)


def _add_loop(body: Ellipsoids, points: Array, rng: np.random.Generator) -> None:
    """Haustra: overlapping bubbles, each without its part inside the one before."""
    radius, before = rng.uniform(8.0, 21.0), -1
    content = -rng.uniform(0.5, 0.95)
    for point in points:
        size = radius * np.exp(rng.normal(0.0, 0.22, 3))
        before = body.add(point + rng.normal(0.0, 3.0, 3), size, content, _turn(rng), carve=before)


def _add_stool(body: Ellipsoids, points: Array, rng: np.random.Generator) -> None:
    """Mottled: many small bubbles and lumps."""
    radius = rng.uniform(10.0, 20.0)
    for point in points:
        for _ in range(int(rng.integers(5, 12))):
            place = point + rng.normal(0.0, 0.5 * radius, 3)
            body.add(place, rng.uniform(2.0, 7.0, 3), (-0.8, -0.5, 0.15)[int(rng.integers(3))])
