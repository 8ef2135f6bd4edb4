"""Deformation fields of the vertebral body; one unit changes the parameter of that name by about one unit."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.layout import Layout
from lumbar3d.training.population.ramps import step

_FADE_MM = (3.0, 14.0)
"""The body's own deformations fade from so far before its back wall to so far behind it: along the pedicles."""


def fields(points: Array, layout: Layout) -> dict[str, Array]:
    """Displacements (N, 3) in mm of points (N, 3) in the model frame."""
    x, y, z = points.T
    body = 1 - step(-x, -layout.body_back_x - _FADE_MM[0], -layout.body_back_x + _FADE_MM[1])
    upper, lower = layout.plate_heights(x)
    height = (2 * z - upper - lower) / (upper - lower)
    bounded = np.clip(height, -1.2, 1.2)
    # Quadratic shape functions: one at its own height (upper plate, lower plate, waist), zero at the other two.
    shares = {
        "upper": bounded * (bounded + 1) / 2,
        "lower": bounded * (bounded - 1) / 2,
        "waist": 1 - bounded**2,
    }
    depth = layout.body_front_x - layout.body_back_x
    forward, zero = x - layout.body_back_x, np.zeros(len(points))
    found = {}
    for name, share in shares.items():
        found[f"{name}_width_mm"] = np.column_stack([zero, y / (2 * layout.half_width) * share * body, zero])
        found[f"{name}_depth_mm"] = np.column_stack([forward / depth * share * body, zero, zero])
    for name, lift in (
        ("posterior_height_mm", height / 2),
        ("sagittal_wedge_deg", -height / 2 * np.radians(forward)),
        ("coronal_wedge_deg", -height / 2 * np.radians(y)),
    ):
        found[name] = np.column_stack([zero, zero, lift * body])
    found["rim_lip_mm"] = _lip(points, layout)
    return found | _hollow(points, layout, "superior", 1.0) | _hollow(points, layout, "inferior", -1.0)


def _hollow(points: Array, layout: Layout, name: str, sign: float) -> dict[str, Array]:
    """Deepening of a plate, and shift of its deepest place backwards; nothing at the rim, which stays as it is."""
    x, y, z = points.T
    backward = np.clip((layout.body_front_x - x) / (layout.body_front_x - layout.body_back_x), 0.0, 1.0)
    aside = np.clip(np.abs(y) / (0.92 * layout.half_width), 0.0, 1.0)
    below = np.maximum(sign * (layout.plate_heights(x)[0 if sign > 0 else 1] - z), 0.0)
    bowl = np.sin(np.pi * backward) ** 2 * np.cos(np.pi / 2 * aside) ** 2 * np.exp(-0.5 * (below / 5.0) ** 2)
    zero = np.zeros(len(points))
    return {
        f"{name}_concavity_mm": np.column_stack([zero, zero, -sign * bowl]),
        f"{name}_apex": np.column_stack([zero, zero, -sign * bowl * (2 * backward - 1)]),
    }


def _lip(points: Array, layout: Layout) -> Array:
    """Both rims outwards, at the front and the sides."""
    x, y, z = points.T
    half_depth = (layout.body_front_x - layout.body_back_x) / 2
    off_x = x - layout.body_back_x - half_depth
    outer = step(np.hypot(off_x / half_depth, y / layout.half_width), 0.35, 0.9)
    upper, lower = layout.plate_heights(x)
    near = sum(np.exp(-0.5 * ((z - plate) / 2.8) ** 2) for plate in (upper, lower))
    weight = near * outer * step(x, layout.body_back_x, layout.body_back_x + 14.0)
    outwards = np.column_stack([off_x, y, np.zeros(len(points))])
    return np.asarray(outwards * (weight / np.maximum(np.hypot(off_x, y), 1e-6))[:, None])
