"""The landmark refiner: a small U-Net on full-resolution crops around one vertebra."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.network.hrnet import constant_planes, convolution, resize
from training.network.multitask import local_contrast

CROP_PX = 160
"""Of the 512 grid: reaches the spinous tip from the middle of the landmarks."""
LANDMARK_COUNT = 7
CODES = 7
"""View (2) and one-hot level (5)."""
CELL_PX = 2


class RefinerNetwork(nn.Module):
    """Crop to one probability map per landmark, half the crop's resolution.

    Parameters
    ----------
    width : int
        Channels at half resolution.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = [width, 24, 32, 48]
        self.stem = nn.Sequential(convolution(2, width, 3, 2), convolution(width, width))
        self.down = nn.ModuleList(
            nn.Sequential(convolution(a, b, 3, 2), convolution(b, b))
            for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.code = nn.Linear(CODES, widths[-1])
        self.up = nn.ModuleList(convolution(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.last = nn.Conv2d(width + CODES, LANDMARK_COUNT, 3, 1, 1)

    def forward(self, crop: Tensor, code: Tensor) -> Tensor:
        """Logits (n, 7, 80, 80) from crops (n, 1, 160, 160) in [0, 1] and codes (n, 7)."""
        x = self.stem(torch.cat([crop - 0.5, local_contrast(crop)], 1))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        x = x + self.code(code)[:, :, None, None]
        for up, skip in zip(self.up, skips[::-1], strict=True):
            x = up(torch.cat([resize(x, skip), skip], 1))
        return self.last(torch.cat([x, constant_planes(x, code)], 1))


def expectation(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Mean position and spread of each map.

    Parameters
    ----------
    logits : (n, 7, h, w)

    Returns
    -------
    position_px : (n, 7, 2)
        (u, v) in crop pixels.
    spread_px : (n, 7)
        Root mean square distance per axis around the mean.
    """
    h, w = logits.shape[-2:]
    p = logits.flatten(2).softmax(-1).reshape(logits.shape)
    u = torch.arange(w, dtype=p.dtype) * CELL_PX + (CELL_PX - 1) / 2
    v = torch.arange(h, dtype=p.dtype) * CELL_PX + (CELL_PX - 1) / 2
    along, down = p.sum(-2), p.sum(-1)
    mean_u, mean_v = (along * u).sum(-1), (down * v).sum(-1)
    variance = (along * u**2).sum(-1) - mean_u**2 + (down * v**2).sum(-1) - mean_v**2
    return torch.stack([mean_u, mean_v], -1), torch.sqrt(variance.clamp_min(1e-4) / 2)


def refiner_loss(logits: Tensor, landmarks_px: Tensor) -> dict[str, Tensor]:
    """Cross-entropy to a Gaussian around each landmark, plus the distance of the mean from it.

    Parameters
    ----------
    logits : (n, 7, h, w)
    landmarks_px : (n, 7, 2)
        In crop pixels; those outside the crop do not count.
    """
    h, w = logits.shape[-2:]
    inside = ((landmarks_px > 1) & (landmarks_px < CELL_PX * w - 2)).all(-1).float()
    u = torch.arange(w) * CELL_PX + (CELL_PX - 1) / 2
    square = (u - landmarks_px[..., 0:1])[:, :, None, :] ** 2 + (u - landmarks_px[..., 1:2])[:, :, :, None] ** 2
    target = (-0.5 * square / 2.5**2).flatten(2).softmax(-1)
    entropy = -(target * functional.log_softmax(logits.flatten(2), -1)).sum(-1)
    position, _ = expectation(logits)
    distance = functional.smooth_l1_loss(position, landmarks_px, reduction="none", beta=1.0).sum(-1)
    count = inside.sum().clamp_min(1.0)
    terms = {"entropy": (entropy * inside).sum() / count, "distance": (distance * inside).sum() / count}
    return {**terms, "total": terms["entropy"] + 0.2 * terms["distance"]}
