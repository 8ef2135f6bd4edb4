"""Refiner: a U-Net on full-resolution crops that redraws one vertebra's opacity and sharpens its landmarks."""

from __future__ import annotations

import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lumbar3d.anatomy import LANDMARK_COUNT
from lumbar3d.training.network.hrnet import BasicBlock, constant_planes, convolution, resize, size_of, start_at
from lumbar3d.training.network.multitask import local_contrast

CODES = 7
"""View (2) and one-hot level (5)."""
GUIDES = 2
"""The first network's opacity of this vertebra and of the others."""
CELL_PX = 2
"""Pitch of the landmark maps."""
TARGET_SIGMA_PX = 2.5
"""Of the Gaussian that a landmark map is taught."""


class RefinerNetwork(nn.Module):
    """Crop and first guess to the opacity at full resolution and one map per landmark at half.

    Parameters
    ----------
    width : int
        Channels at half resolution.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = [width, 5 * width // 3, 8 * width // 3, 4 * width]
        self.stem = convolution(2, width, 3, 2)
        self.join = nn.Sequential(convolution(width + GUIDES, width), BasicBlock(width))
        self.down = nn.ModuleList(
            nn.Sequential(convolution(a, b, 3, 2), BasicBlock(b)) for a, b in itertools.pairwise(widths)
        )
        self.code = nn.Linear(CODES, widths[-1])
        self.middle = BasicBlock(widths[-1])
        self.up = nn.ModuleList(
            nn.Sequential(convolution(a + b, b), convolution(b, b))
            for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.opacity = nn.Sequential(convolution(width + CODES, width), nn.Conv2d(width, CELL_PX**2, 3, 1, 1))
        self.landmarks = nn.Sequential(convolution(width + CODES, width), nn.Conv2d(width, LANDMARK_COUNT, 1))
        last = cast(nn.Conv2d, self.opacity[-1])
        nn.init.zeros_(last.weight)
        start_at(last, 0.0)

    def forward(self, film: Tensor, guide: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """Refine.

        Parameters
        ----------
        film : (n, 1, 160, 160)
            [0, 1], canonical orientation.
        guide : (n, 2, 80, 80)
        code : (n, 7)

        Returns
        -------
        opacity : (n, 1, 160, 160)
            The guide's, corrected.
        logits : (n, 7, 80, 80)
        """
        x = self.stem(torch.cat([film - 0.5, local_contrast(film)], 1))
        x = self.join(torch.cat([x, guide.to(x.dtype)], 1))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        x = self.middle(x + self.code(code)[:, :, None, None])
        for up, skip in zip(self.up, skips[::-1], strict=True):
            x = up(torch.cat([resize(x, skip), skip], 1))
        x = torch.cat([x, constant_planes(x, code)], 1)
        correction = functional.pixel_shuffle(self.opacity(x), CELL_PX)
        return resize(guide[:, :1], film) + correction, self.landmarks(x)


def own_guide(opacity: Tensor, guide: Tensor) -> Tensor:
    """The guide of a second look: a first look's opacity (n, 1, 160, 160) in place of the first network's."""
    return torch.cat([functional.avg_pool2d(opacity.clamp(0.0, 1.0), CELL_PX).to(guide.dtype), guide[:, 1:]], 1)


def moments(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Mean position and second moments of each map.

    Parameters
    ----------
    logits : (n, 7, h, w)

    Returns
    -------
    position_px : (n, 7, 2)
        (u, v) in crop pixels.
    covariance_px2 : (n, 7, 2, 2)
        Around the mean; holds the ``TARGET_SIGMA_PX`` of the taught maps.
    """
    h, w = size_of(logits)
    p = logits.reshape(-1, LANDMARK_COUNT, h * w).softmax(-1).reshape(-1, LANDMARK_COUNT, h, w)
    u = torch.arange(w, dtype=p.dtype, device=p.device) * CELL_PX + (CELL_PX - 1) / 2
    v = torch.arange(h, dtype=p.dtype, device=p.device) * CELL_PX + (CELL_PX - 1) / 2
    along, down = p.sum(-2), p.sum(-1)
    mean_u, mean_v = (along * u).sum(-1), (down * v).sum(-1)
    from_u, from_v = u - mean_u[..., None], v - mean_v[..., None]
    mixed = ((p * from_u[..., None, :]).sum(-1) * from_v).sum(-1)
    square_u, square_v = (along * from_u**2).sum(-1), (down * from_v**2).sum(-1)
    covariance = torch.stack([torch.stack([square_u, mixed], -1), torch.stack([mixed, square_v], -1)], -2)
    return torch.stack([mean_u, mean_v], -1), covariance


def landmark_loss(logits: Tensor, landmarks_px: Tensor) -> dict[str, Tensor]:
    """Cross-entropy to a Gaussian around each landmark, and the distance of the mean from it.

    Parameters
    ----------
    logits : (n, 7, h, w)
    landmarks_px : (n, 7, 2)
        In crop pixels; those outside the crop do not count.
    """
    _h, w = logits.shape[-2:]
    inside = ((landmarks_px > 1) & (landmarks_px < CELL_PX * w - 2)).all(-1).float()
    u = torch.arange(w, device=logits.device) * CELL_PX + (CELL_PX - 1) / 2
    square = (u - landmarks_px[..., 0:1])[:, :, None, :] ** 2 + (u - landmarks_px[..., 1:2])[:, :, :, None] ** 2
    target = (-0.5 * square / TARGET_SIGMA_PX**2).flatten(2).softmax(-1)
    entropy = -(target * functional.log_softmax(logits.flatten(2), -1)).sum(-1)
    distance = functional.smooth_l1_loss(moments(logits)[0], landmarks_px, reduction="none", beta=1.0).sum(-1)
    count = inside.sum().clamp_min(1.0)
    return {"entropy": (entropy * inside).sum() / count, "distance": (distance * inside).sum() / count}
