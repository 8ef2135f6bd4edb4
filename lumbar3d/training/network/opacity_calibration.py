"""Measurement of the opacity calibration: what is there where the refiner draws so much, over held-out training films.

The surroundings, forms and edges of bone are those of training, the people are not. Part of
``lumbar3d.training.network.calibrate``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from lumbar3d.arrays import Array, Image
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.crops import Crop
from lumbar3d.detection.flip_averaging import looks, merged
from lumbar3d.detection.onnx_session import run_session
from lumbar3d.detection.opacity_calibration import OpacityCalibration
from lumbar3d.training.network.blocks import Blocks, Sample

HELD_OUT_BLOCK = 100_000
"""First block of crops that is never trained on: twelve million crops lie before it."""
CROPS_A_RUN = 20
EDGES = np.array([0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
"""Of the bins of drawn opacity. What is drawn fainter is nothing: there the truth is mostly nothing, too."""


def measure(refiner: Any, blocks: Blocks, count: int) -> dict[str, OpacityCalibration]:
    """Curve of each view from ``count`` blocks of crops.

    Parameters
    ----------
    refiner : onnxruntime.InferenceSession
    blocks : Blocks
        Of ``refiner_samples.CropBlocks``.
    count : int
    """
    sums = {view: np.zeros((3, len(EDGES) - 1)) for view in VIEWS}
    for index in range(HELD_OUT_BLOCK, HELD_OUT_BLOCK + count):
        for crop, drawn, truth in _drawn(refiner, blocks[index]):
            sums[VIEWS[int(crop.code[0])]] += binned(drawn, truth)
    return {view: curve(*parts) for view, parts in sums.items()}


def _drawn(refiner: Any, block: Sample) -> Iterator[tuple[Crop, Image, Image]]:
    """Each crop of a block, its opacity as the detector has it, and the true one."""
    arrays = {name: block[name].float().numpy() for name in ("image", "guide", "code", "opacity")}
    crops = [Crop(np.zeros(2), *parts) for parts in zip(arrays["image"], arrays["guide"], arrays["code"], strict=True)]
    for first in range(0, len(crops), CROPS_A_RUN):
        some = crops[first : first + CROPS_A_RUN]
        shown = looks(some)
        inputs = {name: np.stack([getattr(crop, name) for crop in shown]) for name in ("film", "guide", "code")}
        opacity = merged(run_session(refiner, inputs), some)[0]
        yield from zip(some, opacity, arrays["opacity"][first : first + CROPS_A_RUN, 0] / 255.0, strict=True)


def binned(drawn: Image, truth: Image) -> Array:
    """Pixels, sum of drawn and sum of true opacity (3, bins)."""
    place = np.digitize(drawn.ravel(), EDGES)
    parts = (np.ones(drawn.size), drawn.ravel(), truth.ravel())
    return np.stack([np.bincount(place, part, len(EDGES) + 1)[1 : len(EDGES)] for part in parts])


def curve(pixels: Array, drawn: Array, truth: Array) -> OpacityCalibration:
    """Mean truth over mean drawn of each bin (b,) that has pixels, made to rise, through (0, 0) and (1, 1)."""
    seen = pixels > 0.0
    means = np.clip(truth[seen] / pixels[seen], 0.0, 1.0)
    rising = isotonic_regression(means, weights=pixels[seen]).x
    return OpacityCalibration(
        np.concatenate([[0.0], drawn[seen] / pixels[seen], [1.0]]), np.concatenate([[0.0], rising, [1.0]])
    )
