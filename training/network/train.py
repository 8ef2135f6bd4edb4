"""How each network is trained; ``training.network.command`` is the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from training.network.blocks import Blocks, batches
from training.network.interrupt import StopOnSignal
from training.network.losses import refiner_loss, total_loss
from training.network.multitask import MultiTaskNetwork
from training.network.refiner import RefinerNetwork, own_guide
from training.network.trainer import Batch, Limits, Listener, LossFunction, Schedule, Trainer
from training.network.weights import begin_from


@dataclass(frozen=True)
class Recipe:
    """What is particular to one of the networks.

    Attributes
    ----------
    network : callable
        Makes the network.
    loss : callable
    batch, samples : int
        Batch size and, unless told otherwise, length of the training.
    peak_rate : float
    """

    network: Callable[[], nn.Module]
    loss: LossFunction
    batch: int
    samples: int
    peak_rate: float


def coarse_loss(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Forward in bfloat16, loss in float32."""
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    with torch.autocast(image.device.type, torch.bfloat16):
        outputs = network(image, batch["view"])
    return total_loss(outputs, batch)


def crop_loss(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Forward in bfloat16, loss in float32; half of the crops are looked at for the second time, as in use."""
    film, guide = (batch[name].float().contiguous(memory_format=torch.channels_last) for name in ("image", "guide"))
    again = len(film) // 2
    with torch.autocast(film.device.type, torch.bfloat16):
        with torch.no_grad():
            first = network(film[:again], guide[:again], batch["code"][:again])[0].float()
        guide = torch.cat([own_guide(first, guide[:again]), guide[again:]])
        outputs = network(film, guide.contiguous(memory_format=torch.channels_last), batch["code"])
    return refiner_loss(outputs, batch)


COARSE = Recipe(MultiTaskNetwork, coarse_loss, batch=4, samples=100_000, peak_rate=1.4e-3)
REFINER = Recipe(RefinerNetwork, crop_loss, batch=20, samples=200_000, peak_rate=2e-3)


@dataclass(frozen=True)
class Run:
    """One run of a training.

    Attributes
    ----------
    folder : Path
        State and progress; a run goes on from what is there.
    samples : int
        At which the learning rate reaches zero, all runs together.
    minutes : float
        At most, of this run.
    workers : int
        Processes that simulate.
    device : str
        Torch's name, "cpu" or "cuda".
    source : Path or None
        Folder of the training whose weights a new one starts with.
    """

    folder: Path
    samples: int
    minutes: float
    workers: int
    device: str
    source: Path | None = None


def train(recipe: Recipe, blocks: Blocks, run: Run, listener: Listener) -> int:
    """Train until the samples or the minutes are used up, or a signal asks to stop; returns the samples seen."""
    stop = StopOnSignal()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = recipe.network()
    if run.source:
        begin_from(run.source, run.folder, network)
    schedule = Schedule(run.samples, recipe.peak_rate)
    trainer = Trainer(network, recipe.loss, schedule, run.folder, run.device)
    with closing(batches(blocks, recipe.batch, trainer.images, run.workers)) as stream:
        trainer.run(stop.until_asked(stream), Limits(60.0 * run.minutes, stopped=stop), listener)
    return trainer.images
