"""How often the detector refuses what it should refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from lumbar3d.detection.network import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.preprocess import NetworkView

Image = NDArray[np.float32]


def nonsense(rng: np.random.Generator) -> dict[str, Callable[[Image], Image]]:
    """Ways to make a film meaningless."""
    return {
        "noise": lambda image: rng.random(image.shape, dtype=np.float32),
        "clouds": lambda image: _clouds(image.shape, rng),
        "bone dark": lambda image: 1.0 - image,
        "upside down": lambda image: np.ascontiguousarray(image[::-1]),
        "on its side": lambda image: np.ascontiguousarray(np.rot90(image)),
    }


def _clouds(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    field = gaussian_filter(rng.standard_normal(shape), 14.0)
    return np.asarray(np.clip(0.5 + 0.25 * field / field.std(), 0.0, 1.0), dtype=np.float32)


Pair = tuple[NetworkView, NetworkView]


def refusals(detector: Detector, pairs: list[Pair], rng: np.random.Generator) -> dict[str, str]:
    """Refused out of tried, per kind of nonsense in both views, and for the two films exchanged."""
    result = {}
    for name, spoil in nonsense(rng).items():
        spoiled = [tuple(NetworkView(spoil(v.pixels), v.projection, v.view) for v in pair) for pair in pairs]
        result[name] = f"{sum(_refused(detector, *pair) for pair in spoiled)}/{len(pairs)}"
    exchanged = [
        (NetworkView(lat.pixels, ap.projection, "ap"), NetworkView(ap.pixels, lat.projection, "lat"))
        for ap, lat in pairs
    ]
    result["films exchanged"] = f"{sum(_refused(detector, *pair) for pair in exchanged)}/{len(pairs)}"
    return result


def _refused(detector: Detector, ap: NetworkView, lat: NetworkView) -> bool:
    try:
        detector.detect(ap, lat)
    except RejectedError:
        return True
    return False
