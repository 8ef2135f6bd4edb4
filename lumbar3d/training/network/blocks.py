"""Blocks of training samples, numbered, so that the counter of samples says what comes next.

Block ``k`` is drawn from ``k`` alone: the same whichever worker process draws it, and whenever.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence

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


class _Lifeline:
    """Ends worker processes at once, in the middle of a block: when it is cut, or with their parent."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._reader, self._writer = os.pipe()

    def hold(self, _worker: int) -> None:
        """Called in each worker process."""
        os.close(self._writer)
        # A parent that breaks off while it takes a block makes the thread that hands it over print a traceback.
        # What fails in a block itself reaches the parent by the loader's queue.
        sys.excepthook = lambda *_: None
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        os.read(self._reader, 1)  # a byte each, or the end of the pipe with the parent's
        os._exit(0)

    def cut(self) -> None:
        """Called by the parent, once."""
        os.write(self._writer, bytes(self._workers))
        os.close(self._writer)
        os.close(self._reader)


def _drawn(blocks: Blocks, first: int, workers: int) -> Iterator[Sample]:
    """Blocks from number ``first`` on.

    Signals to the process group are the parent's business: workers are born with SIGINT and SIGTERM blocked. A worker
    that dies of one would take the training with it.
    """
    if not workers:
        yield from (blocks[index] for index in range(first, ENDLESS))
        return
    lifeline = _Lifeline(workers)
    loader = DataLoader(
        blocks,
        None,
        sampler=_From(first),
        num_workers=workers,
        prefetch_factor=2,
        multiprocessing_context="fork",
        worker_init_fn=lifeline.hold,
    )
    usual = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        stream = iter(loader)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)
    try:
        yield from stream
    finally:
        lifeline.cut()  # before the loader, which would wait for blocks under way


def batches(blocks: Blocks, size: int, seen: int, workers: int) -> Generator[Sample, None, None]:
    """Batches after the first ``seen`` samples, drawn ahead by worker processes (none with 0).

    Batches go across the blocks' borders, so that any batch size follows any counter.
    """
    first, skipped = divmod(seen, blocks.size)
    rest: Sample | None = None
    for block in _drawn(blocks, first, workers):
        samples = {
            name: part[skipped:] if rest is None else torch.cat([rest[name], part]) for name, part in block.items()
        }
        count = len(next(iter(samples.values())))
        whole = count - count % size
        for start in range(0, whole, size):
            yield {name: part[start : start + size] for name, part in samples.items()}
        rest = {name: part[whole:] for name, part in samples.items()}
