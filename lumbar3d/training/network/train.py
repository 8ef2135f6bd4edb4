"""Training recipes of each network; ``lumbar3d.training.network.command`` is the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lumbar3d.training.network.blocks import Blocks, batches
from lumbar3d.training.network.interrupt import StopOnSignal
from lumbar3d.training.network.losses import refiner_loss, total_loss
from lumbar3d.training.network.multitask import MultiTaskNetwork
from lumbar3d.training.network.refiner import RefinerNetwork, own_guide
from lumbar3d.training.network.trainer import Batch, Listener, LossFunction, RunLimits, Schedule, Trainer
from lumbar3d.training.network.weights import begin_from


@dataclass(frozen=True)
class Pace:
    """Steps that fill a device. The rate grows slower than the root of the batch size: AdamW's steps do not shrink.

    A processor's rate is that of going on from weights which have learned already: all that it has time for.

    Attributes
    ----------
    batch : int
    peak_rate : float
    average_decay : float
        Per step.
    """

    batch: int
    peak_rate: float
    average_decay: float


@dataclass(frozen=True)
class Recipe:
    """Settings that are particular to one of the networks.

    Attributes
    ----------
    network : callable
        Makes the network.
    loss : callable
    samples : int
        Length of the training unless told otherwise.
    paces : dict of str to Pace
        By device.
    """

    network: Callable[[], nn.Module]
    loss: LossFunction
    samples: int
    paces: dict[str, Pace]


def fast_arithmetic(device: str) -> torch.autocast:
    """bfloat16 where the device has it; a processor without it imitates it twenty times slower than float32."""
    has = device != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.autocast(device, torch.bfloat16, enabled=has)


def coarse_loss(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Forward in bfloat16 where the device has it, loss in float32."""
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    with fast_arithmetic(image.device.type):
        outputs = network(image, batch["view"])
    return total_loss(outputs, batch)


def crop_loss(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """As ``coarse_loss``; half of the crops are looked at for the second time, as in use."""
    film, guide = (batch[name].float().contiguous(memory_format=torch.channels_last) for name in ("image", "guide"))
    again = len(film) // 2
    with fast_arithmetic(film.device.type):
        with torch.no_grad():
            first = network(film[:again], guide[:again], batch["code"][:again])[0].float()
        guide = torch.cat([own_guide(first, guide[:again]), guide[again:]])
        outputs = network(film, guide.contiguous(memory_format=torch.channels_last), batch["code"])
    return refiner_loss(outputs, batch)


COARSE = Recipe(
    MultiTaskNetwork,
    coarse_loss,
    samples=100_000,
    paces={"cpu": Pace(8, 4e-4, 0.998), "cuda": Pace(96, 2e-3, 0.995)},
)
REFINER = Recipe(
    RefinerNetwork,
    crop_loss,
    samples=200_000,
    paces={"cpu": Pace(20, 4e-4, 0.998), "cuda": Pace(160, 3e-3, 0.995)},
)


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
        What a new training begins with; see ``begin_from``.
    threads : int
        Of one step on a CPU.
    """

    folder: Path
    samples: int
    minutes: float
    workers: int
    device: str
    source: Path | None = None
    threads: int = 1


def train(recipe: Recipe, blocks: Blocks, run: Run, listener: Listener) -> int:
    """Train until the samples or the minutes are used up, or a signal asks to stop; returns the samples seen."""
    stop = StopOnSignal()
    torch.set_num_threads(run.threads)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    network, pace = recipe.network(), recipe.paces[run.device]
    if run.source:
        begin_from(run.source, run.folder, network)
    schedule = Schedule(run.samples, pace.peak_rate, average_decay=pace.average_decay)
    notes = {"network": type(network).__name__, "samples_from": type(blocks).__name__, "batch": pace.batch}
    trainer = Trainer(network, recipe.loss, schedule, run.folder, run.device, {**notes, "device": run.device})
    with closing(batches(blocks, pace.batch, trainer.before + trainer.images, run.workers)) as stream:
        trainer.run(stop.until_asked(stream), RunLimits(60.0 * run.minutes, stopped=stop), listener)
    return trainer.images
