"""``lumbar3d train`` with samples of noise instead of simulated films: ``python -m tests.tiny_training coarse ...``.

The environment says how many seconds a block takes after the first one (``TINY_BLOCK_S``).
"""

import os
import time

import numpy as np
import torch

from lumbar3d.anatomy import LEVEL_COUNT
from lumbar3d.cli.main import app
from lumbar3d.training.network import samples
from lumbar3d.training.network.blocks import Blocks, stacked
from lumbar3d.training.network.multitask import CENTRE_COUNT

SHAPES = {
    "image": (1, 64, 64),
    "view": (2,),
    "landmarks": (5, 7, 2),
    "present": (5,),
    "marks": (CENTRE_COUNT - LEVEL_COUNT, 2),
    "marks_present": (CENTRE_COUNT - LEVEL_COUNT,),
    "named": (),
}


class NoiseBlocks(Blocks):
    """Eight films, 64 pixels wide."""

    size = 8

    def __init__(self, surroundings: object = None) -> None:
        pass

    def __getitem__(self, index):
        if index:
            time.sleep(float(os.environ.get("TINY_BLOCK_S", "0")))
        rng = np.random.default_rng(index)
        noise = {name: torch.from_numpy(rng.random((self.size, *shape), np.float32)) for name, shape in SHAPES.items()}
        noise["landmarks"] *= 64.0
        noise["opacity"] = (noise["image"].expand(-1, 5, -1, -1) * 255.0).to(torch.uint8)
        return stacked([{name: part[k] for name, part in noise.items()} for k in range(self.size)], rng)


if __name__ == "__main__":
    samples.CoarseBlocks = NoiseBlocks  # type: ignore[assignment, misc]
    app(prog_name="lumbar3d")
