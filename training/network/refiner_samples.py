"""Crops around single vertebrae, as the first network would place them, for training the refiner."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from lumbar3d.detection.crops import crop_codes, crop_origin, cut
from lumbar3d.detection.orientation import view_code
from lumbar3d.shape.assets import AssetStore, load_shape_models
from training.network.samples import Sample
from training.radiographs.simulate import LabelledView, Simulator

FIRST_SEED = 5_000_000
"""Another stretch of patients than the first network's."""
CENTRE_SD_PX = 5.0
"""Wider than the first network's centre errors."""


def crop_samples(view: LabelledView, rng: np.random.Generator) -> Iterator[Sample]:
    """Five crops of one view with their landmarks in crop pixels."""
    for level, landmarks in enumerate(view.landmarks_px):
        origin = crop_origin(landmarks + rng.normal(0.0, CENTRE_SD_PX, 2))
        yield {
            "image": torch.from_numpy(cut(view.pixels, origin)[None]),
            "code": torch.from_numpy(crop_codes(view_code(view.projection, view.view), level)),
            "landmarks": torch.from_numpy((landmarks - origin).astype(np.float32)),
        }


class CropSamples(IterableDataset[Sample]):
    """Ten crops of every simulated patient, for ever, shared out among the workers."""

    def __init__(self, first_seed: int) -> None:
        self.first_seed = first_seed

    def __iter__(self) -> Iterator[Sample]:
        """L1 .. L5 of AP, L1 .. L5 of LAT, the next patient ..."""
        info = get_worker_info()
        start, step = (info.id, info.num_workers) if info else (0, 1)
        simulator = Simulator(load_shape_models(AssetStore.open()))
        seed = self.first_seed + start
        while True:
            rng = np.random.default_rng([seed, 2])
            for view in simulator.pair(seed):
                yield from crop_samples(view, rng)
            seed += step
