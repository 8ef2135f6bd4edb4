"""Multi-task network: one encoder, two decoding paths that fuse three times (the paper's section 2.3).

Differences from the paper: the decomposition has one channel per level, so has the centre heatmap, and each cell near a
centre votes for the landmarks instead of the centre's cell alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lumbar3d.anatomy import LEVEL_COUNT
from lumbar3d.detection.decode import MARKS
from lumbar3d.training.network.hrnet import HighResolutionEncoder, constant_planes, convolution, resize, start_at

CENTRE_COUNT = LEVEL_COUNT + len(MARKS)
"""Of the levels, then of what says which vertebrae are lumbar."""
VOTES = 16
"""Offsets in pixels of the input from a pixel to the seven landmarks and to the centre of its vertebra, (u, v) each."""
STRIDE = 4
"""Heatmap pixel pitch in input pixels."""


class Fusion(nn.Module):
    """Feature fusion module: both paths see their sum, then go up one resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shared = convolution(channels, channels)
        self.decomposition = convolution(2 * channels, channels)
        self.landmark = convolution(2 * channels, channels)

    def forward(self, dec: Tensor, lmk: Tensor, finer: Tensor) -> tuple[Tensor, Tensor]:
        """Two maps at one resolution and the encoder's map of the next finer one."""
        shared = self.shared(dec + lmk)
        dec = resize(self.decomposition(torch.cat([dec, shared], 1)), finer) + finer
        lmk = resize(self.landmark(torch.cat([lmk, shared], 1)), finer) + finer
        return dec, lmk


def local_contrast(image: Tensor) -> Tensor:
    """(image - local mean) / local standard deviation over 40 pixels, so that windowing and shading do not matter."""
    coarse = functional.avg_pool2d(torch.cat([image, image * image], 1), 8)
    mean, square = resize(functional.avg_pool2d(coarse, 5, 1, 2, count_include_pad=False), image).chunk(2, 1)
    return (image - mean) / torch.sqrt((square - mean * mean).clamp_min(0.0) + 4e-4)


class MultiTaskNetwork(nn.Module):
    """Radiograph to decomposition image, level heatmaps and landmark votes.

    Parameters
    ----------
    width : int
        Channels of the encoder's finest map (HRNet-W12: 12).
    channels : int
        Channels of both decoding paths.
    """

    def __init__(self, width: int = 12, channels: int = 32) -> None:
        super().__init__()
        self.encoder = HighResolutionEncoder(4, width)
        self.project = nn.ModuleList(nn.Conv2d(w, channels, 1) for w in self.encoder.widths)
        self.fusions = nn.ModuleList(Fusion(channels) for _ in range(3))
        self.sharpen = nn.Sequential(convolution(channels + 16, 32), convolution(32, 32))
        self.decomposition = nn.Sequential(nn.Conv2d(32, 4 * LEVEL_COUNT, 3, 1, 1), nn.PixelShuffle(2))
        self.heatmap = nn.Sequential(convolution(channels, channels), nn.Conv2d(channels, CENTRE_COUNT, 1))
        self.votes = nn.Sequential(convolution(channels, channels), nn.Conv2d(channels, VOTES, 1))
        start_at(self.heatmap[-1], -4.0)
        start_at(self.decomposition[0], 0.05)

    def forward(self, image: Tensor, view: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Run both tasks.

        Parameters
        ----------
        image : (n, 1, h, w)
            [0, 1], canonical orientation; h and w multiples of 32.
        view : (n, 2)
            0 for AP or 1 for lateral; +1, or -1 where the film was mirrored to become canonical.

        Returns
        -------
        decomposition : (n, 5, h, w)
            Opacity of each vertebra alone, about [0, 1].
        heatmap : (n, 10, h/4, w/4)
            Logits of the centres.
        votes : (n, 16, h/4, w/4)
            Offsets in units of 32 input pixels.
        features : (n, f)
            The encoder's maps averaged over the film: what kind of image this is.
        """
        x = torch.cat([image - 0.5, local_contrast(image)], 1)
        half, maps = self.encoder(torch.cat([x, constant_planes(x, view)], 1))
        features = torch.cat([m.mean((-2, -1)) for m in maps], 1)
        maps = [project(m) for project, m in zip(self.project, maps, strict=True)]
        dec = lmk = maps[-1]
        for fusion, finer in zip(self.fusions, maps[-2::-1], strict=True):
            dec, lmk = fusion(dec, lmk, finer)
        fine = self.sharpen(torch.cat([resize(dec, half), half], 1))
        return self.decomposition(fine), self.heatmap(lmk), self.votes(lmk), features
