"""A training's samples in numbered blocks, so that the counter of samples says what comes next.

Block ``k`` is drawn from ``k`` alone: the same whichever worker process draws it, and whenever.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Sample = dict[str, Tensor]
ENDLESS = 2**40


class Blocks(Dataset[Sample], ABC):
    """``blocks[k]`` is a batch of ``size`` samples."""

    size: int

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """Block ``index``."""


class _From:
    """Block numbers from a start, for ever."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, ENDLESS))


def stacked(samples: Sequence[Sample], rng: np.random.Generator) -> Sample:
    """Samples as one batch in random order."""
    order = rng.permutation(len(samples))
    return {name: torch.stack([samples[k][name] for k in order]) for name in samples[0]}


def batches(blocks: Blocks, size: int, seen: int, workers: int) -> Iterator[Sample]:
    """Batches after the first ``seen`` samples, drawn ahead by worker processes (none with 0).

    Raises
    ------
    ValueError
        Blocks are not whole numbers of batches, or ``seen`` is not.
    """
    if blocks.size % size or seen % size:
        raise ValueError("blocks and counter must be whole numbers of batches")
    first, skipped = divmod(seen, blocks.size)
    ahead = 2 if workers else None
    loader = DataLoader(blocks, None, sampler=_From(first), num_workers=workers, prefetch_factor=ahead)
    for block in loader:
        for start in range(skipped, blocks.size, size):
            yield {name: part[start : start + size] for name, part in block.items()}
        skipped = 0
