"""Train the multi-task network: ``python -m training.network.train --folder runs/coarse --minutes 60``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training.network.losses import total_loss
from training.network.multitask import MultiTaskNetwork
from training.network.samples import CoarseSamples
from training.network.trainer import Batch, Schedule, Trainer

BATCH = 4


def loss(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Forward in bfloat16, loss in float32."""
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(image, batch["view"])
    return total_loss(outputs, batch)


def main() -> None:
    """Parse the command line and train; run again to go on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    trainer = Trainer(MultiTaskNetwork(), loss, Schedule(60.0 * arguments.minutes, peak_rate=1.4e-3), arguments.folder)
    samples = CoarseSamples(first_seed=trainer.images)
    trainer.run(iter(DataLoader(samples, batch_size=BATCH, num_workers=arguments.workers, prefetch_factor=4)))


if __name__ == "__main__":
    main()
