"""Training samples of the refiner: crops around single vertebrae with the first network's reading of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array, Image
from lumbar3d.detection.crops import GRID_STEP, Crop, cut, make_crop
from lumbar3d.detection.decode import read_levels
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.network.blocks import Blocks, Sample, stacked
from lumbar3d.training.network.losses import VOTE_UNIT_PX
from lumbar3d.training.network.multitask import MultiTaskNetwork
from lumbar3d.training.network.samples import block_seeds
from lumbar3d.training.network.weights import average_network
from lumbar3d.training.radiographs.fields import shrink
from lumbar3d.training.radiographs.simulate import COMPLETE, Simulator
from lumbar3d.training.surroundings.components import Maker, Parts
from lumbar3d.training.surroundings.library import Library
from lumbar3d.training.surroundings.mixer import FILMS_PER_VIEW, WHOLE_SPINE, MixedFilm, Mixer
from lumbar3d.training.surroundings.noise import about, elastic, warp

FIRST_SEED = 6_000_000
"""Other patients than the first network's: its errors on them are those of films that it has not seen."""
PATIENTS_PER_BLOCK = 12
JITTER_SD_PX = 3.0
TRIES = 6
"""At a film that shows all five levels."""
FITTED_SHARE = 0.4
"""Of films whose guide is as a third look has it: a rendered vertebra nearly in place, in place of the first network's
reading."""
FITTED_SCALE, FITTED_TURN_RAD, FITTED_SHIFT_PX, FITTED_BEND_PX = 0.03, 0.02, 0.7, 0.5
"""SD of what such a vertebra is off by, pixels of the first network's grid: a fit errs by about a millimetre."""
LOST_PX = 24.0
"""Where the first network errs by more, another level is in the crop: the truth, jittered, is used instead."""


def first_network(folder: Path) -> nn.Module:
    """The trained multi-task network, ready to run in a worker process."""
    network: nn.Module = average_network(MultiTaskNetwork(), folder)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def crop_sample(crop: Crop, truth: Image, landmarks_px: Array) -> Sample:
    """Input and targets of one crop; images as 8-bit and half precision to keep the queue light.

    Parameters
    ----------
    crop : Crop
    truth : (rows, columns) float32
        Opacity of the vertebra on the full grid.
    landmarks_px : (7, 2) float64
    """
    return {
        "image": torch.from_numpy(crop.film.astype(np.float16)),
        "guide": torch.from_numpy(crop.guide.astype(np.float16)),
        "code": torch.from_numpy(crop.code),
        "opacity": torch.from_numpy((cut(truth, crop.origin_px)[None] * 255.0 + 0.5).astype(np.uint8)),
        "landmarks": torch.from_numpy((landmarks_px - crop.origin_px).astype(np.float32)),
    }


def placed(found_px: Array, true_px: Array, rng: np.random.Generator) -> Array:
    """Landmarks (7, 2) around which a crop is cut."""
    lost = np.abs(found_px.mean(axis=0) - true_px.mean(axis=0)).max() > LOST_PX
    return np.asarray((true_px if lost else found_px) + rng.normal(0.0, JITTER_SD_PX, 2))


class CropBlocks(Blocks):
    """Crops of every simulated patient's films, as the trained first network would have them cut.

    Parameters
    ----------
    coarse : Path
        Training folder of the first network.
    library : Path, optional
        Folder with real surroundings (``surroundings.library``); without it all are invented.
    """

    size = 2 * FILMS_PER_VIEW * len(LEVELS) * PATIENTS_PER_BLOCK

    def __init__(self, coarse: Path, library: Path | None = None) -> None:
        self._folder, self._library = coarse, library
        self._tools: tuple[Maker, nn.Module] | None = None

    def __getitem__(self, index: int) -> Sample:
        """Block ``index``."""
        if self._tools is None:
            simulator = Simulator(load_shape_models(AssetStore.open()), COMPLETE)
            self._tools = Maker(simulator, Library.read(self._library), step=1), first_network(self._folder)
        maker, network = self._tools
        rng = np.random.default_rng([FIRST_SEED, index])
        mixer = Mixer(maker, int(rng.integers(2**60)), WHOLE_SPINE)
        lent = [parts for seed in block_seeds(FIRST_SEED, index, PATIENTS_PER_BLOCK) for parts in mixer.lend(seed)]
        films = (_complete(mixer, parts) for parts in lent for _ in range(FILMS_PER_VIEW))
        samples = [sample for film in films for sample in _film_samples(film, network, rng)]
        return stacked(samples, rng)


def _complete(mixer: Mixer, parts: Parts) -> MixedFilm:
    """A film of all five levels, or the last of some tries."""
    for _ in range(TRIES):
        film = mixer.film(parts)
        if film.visible.all():
            break
    return film


def _film_samples(film: MixedFilm, network: nn.Module, rng: np.random.Generator) -> Iterator[Sample]:
    """Five crops, cut where the first network or a fit finds the levels."""
    opacity, found = fitted_guide(film, rng) if rng.random() < FITTED_SHARE else _first_reading(film, network)
    for level, true_px in enumerate(film.landmarks_px):
        crop = make_crop(film.pixels, opacity, film.code, level, placed(found[level], true_px, rng))
        yield crop_sample(crop, film.opacity[level], true_px)


def fitted_guide(film: MixedFilm, rng: np.random.Generator) -> tuple[Image, Array]:
    """Opacity (5, rows / 2, columns / 2) and landmarks (5, 7, 2) of vertebrae that a fit has nearly found.

    Each is off on its own; the landmarks are the true ones, since crops are jittered anyway.
    """
    opacity = shrink(film.opacity, GRID_STEP)
    for level, points_px in enumerate(film.landmarks_px):
        centre = points_px[:, ::-1].mean(axis=0) / GRID_STEP
        scale, wide = np.exp(rng.normal(0.0, FITTED_SCALE, 2))
        turn, shift = rng.normal(0.0, FITTED_TURN_RAD), rng.normal(0.0, FITTED_SHIFT_PX, 2)
        off = about(centre, scale, turn, shift, wide)
        opacity[level] = warp(opacity[level, None], off, elastic(opacity.shape[-1], FITTED_BEND_PX, rng))[0]
    return opacity, film.landmarks_px


def _first_reading(film: MixedFilm, network: nn.Module) -> tuple[Image, Array]:
    """Opacity (5, rows / 2, columns / 2) and landmarks (5, 7, 2) by the first network."""
    small = torch.from_numpy(shrink(film.pixels, GRID_STEP)[None, None])
    with torch.no_grad():
        outputs = network(small.contiguous(memory_format=torch.channels_last), torch.from_numpy(film.code[None]))
    opacity, logits, votes = (output[0].float() for output in outputs[:3])
    heatmap = logits.sigmoid().numpy()
    found = read_levels(heatmap, (votes * VOTE_UNIT_PX).numpy()).landmarks_px * GRID_STEP + (GRID_STEP - 1) / 2
    return opacity.clamp(0, 1).numpy(), found
