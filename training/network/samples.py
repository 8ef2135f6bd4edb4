"""Endless training samples for the multi-task network, drawn in worker processes, each from its own seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from lumbar3d.detection.orientation import view_code
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.shape.assets import AssetStore, load_shape_models
from training.radiographs.fields import enlarge, shrink
from training.radiographs.simulate import LabelledView, Simulator

Image = NDArray[np.float32]

COARSE_STEP = 2
"""The network sees the 512 grid averaged over 2 x 2 pixels."""
NEGATIVE_SHARE = 0.07
"""Images in which nothing may be found, so that confidence means something."""
HELD_OUT_SEEDS = range(10_000_000, 10_001_000)
"""Never used in training."""

Sample = dict[str, Tensor]


def coarse_sample(view: LabelledView) -> Sample:
    """Input and targets on the 256 grid; opacities as 8-bit to keep the queue light."""
    opacity = shrink(drr_from_path_length(view.path_lengths_mm), COARSE_STEP)
    landmarks = (view.landmarks_px - (COARSE_STEP - 1) / 2) / COARSE_STEP
    return {
        "image": torch.from_numpy(shrink(view.pixels, COARSE_STEP)[None]),
        "view": torch.from_numpy(view_code(view.projection, view.view)),
        "opacity": torch.from_numpy((opacity * 255.0 + 0.5).astype(np.uint8)),
        "landmarks": torch.from_numpy(landmarks.astype(np.float32)),
        "present": torch.ones(len(opacity)),
    }


def negative(sample: Sample, rng: np.random.Generator) -> Sample:
    """Spoil a sample so that the only right answer is "nothing here"."""
    image, view = sample["image"], sample["view"].clone()
    kind = rng.integers(4)
    if kind == 0:
        image = torch.from_numpy(_clouds(image.shape[-1], rng))[None]
    elif kind == 1:
        image = 1.0 - image
    elif kind == 2:
        image = torch.rot90(image, int(rng.integers(1, 4)), (1, 2)).contiguous()
    else:
        view[0] = 1.0 - view[0]
    nothing = {"opacity": torch.zeros_like(sample["opacity"]), "present": torch.zeros_like(sample["present"])}
    return {**sample, **nothing, "image": image, "view": view}


def _clouds(size: int, rng: np.random.Generator) -> Image:
    """Noise of several sizes, stretched to [0, 1]."""
    total = rng.uniform(0.0, 0.3) * rng.standard_normal((size, size), dtype=np.float32)
    for factor in (4, 16, 64):
        coarse = rng.standard_normal((size // factor, size // factor), dtype=np.float32)
        total = total + enlarge(rng.uniform(0.0, 1.0) * coarse, factor)
    low, high = np.percentile(total, [1.0, 99.0])
    return np.asarray(np.clip((total - low) / (high - low), 0.0, 1.0), dtype=np.float32)


class CoarseSamples(IterableDataset[Sample]):
    """Both views of patient ``first_seed``, ``first_seed + 1``, ... for ever, shared out among the workers."""

    def __init__(self, first_seed: int) -> None:
        self.first_seed = first_seed

    def __iter__(self) -> Iterator[Sample]:
        """AP, LAT, AP, LAT, ..."""
        info = get_worker_info()
        start, step = (info.id, info.num_workers) if info else (0, 1)
        simulator = Simulator(load_shape_models(AssetStore.open()))
        seed = self.first_seed + start
        while True:
            rng = np.random.default_rng([seed, 1])
            for view in simulator.pair(seed):
                sample = coarse_sample(view)
                yield negative(sample, rng) if rng.random() < NEGATIVE_SHARE else sample
            seed += step
