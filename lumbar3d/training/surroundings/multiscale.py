"""Multi-scale contrast as vendors apply it: bands of a film weighted and compressed apart (Vuylsteke 1994, MUSICA)."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Image
from lumbar3d.training.radiographs.fields import gaussian_blur

SCALES_PX = (1.2, 3.0, 7.0, 16.0)
"""On a film 256 wide."""


def multiscale(film: Image, rng: np.random.Generator, mild: bool = False) -> Image:
    """A film (size, size) with the contrast of each band changed at random, [0, 1].

    Parameters
    ----------
    film : (size, size) float32
    rng : numpy.random.Generator
    mild : bool
        As films for reading are processed: the slow background nearly gone, the rest hardly changed.
    """
    size = len(film)
    rest = np.ascontiguousarray(film, dtype=np.float32)
    total = np.zeros_like(rest)
    for scale in SCALES_PX:
        smooth = gaussian_blur(rest, scale * size / 256)
        band = rest - smooth
        if rng.random() < 0.4 and not mild:
            usual = np.float32(2.0 * np.abs(band[::4, ::4]).mean() + 1e-6)
            band = np.sign(band) * usual * (np.abs(band) / usual) ** np.float32(rng.uniform(0.55, 1.0))
        total += np.float32(np.exp(rng.normal(0.1, 0.15 if mild else 0.4))) * band
        rest = smooth
    total += np.float32(rng.uniform(0.1, 0.5) if mild else rng.uniform(0.15, 1.2)) * rest
    low, high = np.percentile(total[::3, ::3], [rng.uniform(0.0, 3.0), rng.uniform(99.0 if mild else 97.0, 100.0)])
    return np.asarray(0.01 + 0.98 * np.clip((total - low) / max(high - low, 1e-6), 0.0, 1.0), dtype=np.float32)
