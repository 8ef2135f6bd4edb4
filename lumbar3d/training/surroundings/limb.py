"""Limb bones, which no film of a spine shows."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Image


def limb(size: int, rng: np.random.Generator) -> Image:
    """One or two long bones with a joint between their ends, in soft tissue: no spine."""
    v, u = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    turn = rng.normal(0.0, 0.3)
    along, across = v * np.cos(turn) + u * np.sin(turn), u * np.cos(turn) - v * np.sin(turn)
    joint, width = rng.uniform(-0.25, 0.25), rng.uniform(0.14, 0.35)
    film = rng.uniform(0.2, 0.5) * np.sqrt(np.maximum(1.0 - (across / width) ** 2, 0.0))
    for side in (0.0,) if rng.random() < 0.5 else (-0.5, 0.5):
        radius = rng.uniform(0.03, 0.07) * (1.0 + rng.uniform(0.5, 1.5) * np.exp(-(((along - joint) / 0.09) ** 2)))
        part = np.clip(1.0 - ((across - side * width) / radius) ** 2, 0.0, None)
        shaft = np.sqrt(part) - rng.uniform(0.4, 0.8) * np.sqrt(np.clip(part - 0.3, 0.0, None))
        film = film + rng.uniform(0.3, 0.6) * shaft * (np.abs(along - joint) > rng.uniform(0.004, 0.012))
    film = film + rng.uniform(0.0, 0.03) * rng.standard_normal(film.shape)
    return np.asarray(np.clip(film / film.max(), 0.0, 1.0), dtype=np.float32)
