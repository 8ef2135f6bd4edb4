"""Endless training samples for the multi-task network, drawn in worker processes, each from its own seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from lumbar3d.anatomy import OTHER_SIDE
from lumbar3d.arrays import Image
from lumbar3d.detection.decode import MARKS
from lumbar3d.detection.orientation import view_code
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.network.blocks import Blocks, Sample, stacked
from lumbar3d.training.radiographs.fields import enlarge
from lumbar3d.training.radiographs.simulate import TRAINING, LabelledView, Simulator
from lumbar3d.training.surroundings.components import Maker
from lumbar3d.training.surroundings.library import Library
from lumbar3d.training.surroundings.limb import limb
from lumbar3d.training.surroundings.mixer import FILMS_PER_VIEW, MixedFilm, Mixer

NEGATIVE_SHARE = 0.11
"""Images in which nothing may be found, so that confidence means something."""
VARIED_SHARE = 0.6
"""Of the others: processed once more, and half of the frontal ones mirrored."""
HELD_OUT_SEEDS = range(10_000_000, 10_001_000)
"""Never used in training."""
FIRST_SEED = 1_000_000
PATIENTS_PER_BLOCK = 32
"""Of a block of whole films: neighbours in a block stand in each other's bodies, so it must not be a few people's."""


def block_seeds(first: int, index: int, patients: int) -> range:
    """Patients of block ``index`` of the training whose patients start at ``first``, so many in each."""
    start = first + index * patients
    return range(start, start + patients)


def coarse_sample(view: LabelledView) -> Sample:
    """Input and targets; opacities as 8-bit to keep the queue light."""
    return {
        "image": torch.from_numpy(view.pixels[None]),
        "view": torch.from_numpy(view_code(view.projection, view.view)),
        "opacity": torch.from_numpy((view.opacity * 255.0 + 0.5).astype(np.uint8)),
        "landmarks": torch.from_numpy(view.landmarks_px.astype(np.float32)),
        "present": torch.from_numpy(view.visible.astype(np.float32)),
        "marks": torch.from_numpy(view.marks_px.astype(np.float32)),
        "marks_present": torch.from_numpy(_known_marks(view)),
        "named": torch.ones(()),
    }


def _known_marks(view: LabelledView) -> Image:
    """1 where a mark is shown, 0 where it is not there, -1 where nobody can say: the simulator does not tell T10."""
    known = view.marks_seen.astype(np.float32)
    known[MARKS.index("T10")] = -1.0
    return known


def mixed_sample(film: MixedFilm) -> Sample:
    """The same of a film whose surroundings are somebody else's."""
    return {
        "image": torch.from_numpy(film.pixels[None]),
        "view": torch.from_numpy(film.code),
        "opacity": torch.from_numpy((film.opacity * 255.0 + 0.5).astype(np.uint8)),
        "landmarks": torch.from_numpy(film.landmarks_px.astype(np.float32)),
        "present": torch.from_numpy(film.visible.astype(np.float32)),
        "marks": torch.from_numpy(film.marks_px.astype(np.float32)),
        "marks_present": torch.from_numpy(film.marks_known.astype(np.float32)),
        "named": torch.tensor(float(film.named)),
    }


def negative(sample: Sample, rng: np.random.Generator) -> Sample:
    """Spoil a sample so that the only right answer is "nothing here"."""
    image, view = sample["image"], sample["view"].clone()
    kind = rng.integers(6)
    if kind == 0:
        image = torch.from_numpy(_clouds(image.shape[-1], rng))[None]
    elif kind == 1:
        image = torch.from_numpy(limb(image.shape[-1], rng))[None]
    elif kind == 2:
        image = 1.0 - image
    elif kind == 3 and view[0] == 1.0:
        image = image.flip(-1)
    elif kind == 4:
        view[0] = 1.0 - view[0]
    else:
        image = torch.rot90(image, int(rng.integers(1, 4)), (1, 2)).contiguous()
    nothing = {name: torch.zeros_like(sample[name]) for name in ("opacity", "present", "marks_present")}
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
    noise = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32)) * rng.uniform(0.0, 0.01)
    sample = {**sample, "image": (image * scale + offset + noise).clamp(0.0, 1.0)}
    return mirrored(sample) if sample["view"][0] == 0 and rng.random() < 0.5 else sample


def mirrored(sample: Sample) -> Sample:
    """The mirror image of a patient's AP film, which is the PA film of a mirrored patient."""
    landmarks, marks = sample["landmarks"][:, OTHER_SIDE].clone(), sample["marks"].clone()
    for points in (landmarks, marks):
        points[..., 0] = sample["image"].shape[-1] - 1 - points[..., 0]
    return {
        **sample,
        "image": sample["image"].flip(-1),
        "view": sample["view"] * torch.tensor([1.0, -1.0]),
        "opacity": sample["opacity"].flip(-1),
        "landmarks": landmarks,
        "marks": marks,
    }


class CoarseBlocks(Blocks):
    """Films of many patients, each in anybody's surroundings (``lumbar3d.training.surroundings``), in random order.

    Parameters
    ----------
    library : Path, optional
        Folder with real surroundings (``surroundings.library``); without it all are invented.
    """

    size = 2 * FILMS_PER_VIEW * PATIENTS_PER_BLOCK

    def __init__(self, library: Path | None = None) -> None:
        self._folder = library
        self._maker: Maker | None = None

    def __getitem__(self, index: int) -> Sample:
        """Block ``index``."""
        if self._maker is None:
            simulator = Simulator(load_shape_models(AssetStore.open()), TRAINING)
            self._maker = Maker(simulator, Library.read(self._folder))
        rng = np.random.default_rng([FIRST_SEED, index])
        mixer = Mixer(self._maker, int(rng.integers(2**60)))
        lent = [parts for seed in block_seeds(FIRST_SEED, index, PATIENTS_PER_BLOCK) for parts in mixer.lend(seed)]
        films = (mixer.film(parts) for parts in lent for _ in range(FILMS_PER_VIEW))
        return stacked([_spoiled(mixed_sample(film), rng) for film in films], rng)


def _spoiled(sample: Sample, rng: np.random.Generator) -> Sample:
    """A sample as it is, varied, or made one in which nothing may be found."""
    if rng.random() < NEGATIVE_SHARE:
        return negative(sample, rng)
    return varied(sample, rng) if rng.random() < VARIED_SHARE else sample
