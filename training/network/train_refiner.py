"""Train the landmark refiner: ``python -m training.network.train_refiner --folder runs/refiner --minutes 20``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training.network.refiner import RefinerNetwork, refiner_loss
from training.network.refiner_samples import FIRST_SEED, CropSamples
from training.network.trainer import Batch, Schedule, Trainer

BATCH = 20


def loss(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Forward in bfloat16, loss in float32."""
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(image, batch["code"])
    return refiner_loss(logits.float(), batch["landmarks"])


def main() -> None:
    """Parse the command line and train; run again to go on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    trainer = Trainer(RefinerNetwork(), loss, Schedule(60.0 * arguments.minutes), arguments.folder)
    samples = CropSamples(FIRST_SEED + trainer.images)
    trainer.run(iter(DataLoader(samples, batch_size=BATCH, num_workers=arguments.workers, prefetch_factor=4)))


if __name__ == "__main__":
    main()
