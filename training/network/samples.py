"""Endless training samples for the multi-task network, drawn in worker processes, each from its own seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from lumbar3d.detection.orientation import view_code
from lumbar3d.shape.assets import AssetStore, load_shape_models
from training.radiographs.fields import enlarge
from training.radiographs.simulate import LabelledView, Simulator

Image = NDArray[np.float32]

COARSE_STEP = 2
"""The network sees the 512 grid averaged over 2 x 2 pixels."""
NEGATIVE_SHARE = 0.07
"""Images in which nothing may be found, so that confidence means something."""
HELD_OUT_SEEDS = range(10_000_000, 10_001_000)
"""Never used in training."""

SHELF = 48
"""Samples kept to be shown once more, varied."""
SWAPPED = [0, 1, 3, 2, 5, 4, 6]
"""Landmarks after left and right are exchanged."""

Sample = dict[str, Tensor]


def coarse_sample(view: LabelledView) -> Sample:
    """Input and targets; opacities as 8-bit to keep the queue light."""
    return {
        "image": torch.from_numpy(view.pixels[None]),
        "view": torch.from_numpy(view_code(view.projection, view.view)),
        "opacity": torch.from_numpy((view.opacity * 255.0 + 0.5).astype(np.uint8)),
        "landmarks": torch.from_numpy(view.landmarks_px.astype(np.float32)),
        "present": torch.ones(len(view.opacity)),
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


def varied(sample: Sample, rng: np.random.Generator) -> Sample:
    """The same film processed otherwise: another curve, other noise; AP also mirrored, left and right exchanged."""
    image = sample["image"] ** float(np.exp(rng.normal(0.0, 0.2)))
    scale, offset = rng.uniform(0.8, 1.1), rng.uniform(0.0, 0.1)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0.0, 0.01))
    sample = {**sample, "image": (image * scale + offset + noise).clamp(0.0, 1.0)}
    return mirrored(sample) if sample["view"][0] == 0 and rng.random() < 0.5 else sample


def mirrored(sample: Sample) -> Sample:
    """The mirror image of a patient's AP film, which is the PA film of a mirrored patient."""
    landmarks = sample["landmarks"][:, SWAPPED].clone()
    landmarks[..., 0] = sample["image"].shape[-1] - 1 - landmarks[..., 0]
    return {
        **sample,
        "image": sample["image"].flip(-1),
        "view": sample["view"] * torch.tensor([1.0, -1.0]),
        "opacity": sample["opacity"].flip(-1),
        "landmarks": landmarks,
    }


class CoarseSamples(IterableDataset[Sample]):
    """Both views of patient ``first_seed``, ``first_seed + 1``, ... for ever, each twice (the second time varied)."""

    def __init__(self, first_seed: int) -> None:
        self.first_seed = first_seed

    def __iter__(self) -> Iterator[Sample]:
        """Fresh and varied samples in turn; patients are shared out among the workers."""
        info = get_worker_info()
        start, step = (info.id, info.num_workers) if info else (0, 1)
        simulator, shelf = Simulator(load_shape_models(AssetStore.open())), list[Sample]()
        seed = self.first_seed + start
        while True:
            rng = np.random.default_rng([seed, 1])
            for view in simulator.pair(seed, COARSE_STEP):
                sample = coarse_sample(view)
                shelf.append(sample)
                yield negative(sample, rng) if rng.random() < NEGATIVE_SHARE else sample
                if len(shelf) > SHELF:
                    yield varied(shelf.pop(int(rng.integers(len(shelf)))), rng)
            seed += step
