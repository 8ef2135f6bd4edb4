"""Fixed training set of the ablation: simulated films drawn once and stored.

Every variant is taught the same films in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.training.network.blocks import Blocks, Sample, stacked
from lumbar3d.training.network.samples import coarse_sample, varied
from lumbar3d.training.radiographs.simulate import LabelledView, Simulator

ORDER_SEED, VARIATION_SEED = 41, 42


def stored_parts(view: LabelledView) -> dict[str, NDArray[np.generic]]:
    """A training sample, the image in 8 bits too, and millimetres per pixel at each landmark, (5, 7)."""
    parts: dict[str, NDArray[np.generic]] = {name: part.numpy() for name, part in coarse_sample(view).items()}
    magnified = view.projection.source_to_detector_mm / view.depths_mm
    pitch_mm = view.projection.pixel_spacing_mm[0]
    return {
        **parts,
        "image": (view.pixels[None] * 255.0 + 0.5).astype(np.uint8),
        "mm_per_px": (pitch_mm / magnified).astype(np.float32),
    }


def store(folder: Path, simulator: Simulator, seeds: Sequence[int]) -> None:
    """Draw both films of each patient, one ``.npy`` per part of the samples; left alone where it has been done."""
    if folder.exists():
        return
    partial = folder.with_name(f"{folder.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    files: dict[str, np.memmap[tuple[int, ...], np.dtype[np.generic]]] = {}
    for row, seed in enumerate(seeds):
        for which, view in enumerate(simulator.pair(seed, GRID_STEP)):
            for name, part in stored_parts(view).items():
                if name not in files:
                    shape = (2 * len(seeds), *part.shape)
                    path = partial / f"{name}.npy"
                    files[name] = np.lib.format.open_memmap(path, "w+", dtype=part.dtype, shape=shape)
                files[name][2 * row + which] = part
    for file in files.values():
        file.flush()
    partial.rename(folder)


class Films:
    """Films that ``store`` wrote; ``films[k]`` is a sample, even numbers AP and odd ones LAT."""

    def __init__(self, folder: Path) -> None:
        self._parts = {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}

    def __len__(self) -> int:
        return len(self._parts["image"])

    def __getitem__(self, index: int) -> Sample:
        """Film ``index``."""
        sample = {name: torch.from_numpy(np.array(part[index])) for name, part in self._parts.items()}
        return {**sample, "image": sample["image"].float() / 255.0}


class FilmStream(Blocks):
    """Epoch after epoch over stored films, each epoch in another order and with other processing of each film.

    Parameters
    ----------
    films : Films
        A whole number of batches.
    batch : int

    Raises
    ------
    ValueError
        Films do not make whole batches.
    """

    def __init__(self, films: Films, batch: int) -> None:
        if len(films) % batch:
            raise ValueError("the films must be a whole number of batches")
        self._films, self.size = films, batch

    def __getitem__(self, index: int) -> Sample:
        """Batch ``index``."""
        epoch, position = divmod(index, len(self._films) // self.size)
        order = np.random.default_rng([ORDER_SEED, epoch]).permutation(len(self._films))
        rng = np.random.default_rng([VARIATION_SEED, index])
        chosen = order[position * self.size : (position + 1) * self.size]
        return stacked([varied(self._films[int(k)], rng) for k in chosen], rng)
