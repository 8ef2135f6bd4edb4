"""A small high-resolution network (HRNet, Wang et al. 2020): four resolutions kept side by side and fused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from torch import Tensor, nn
from torch.nn import functional


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)
    )


def start_at(layer: nn.Module, bias: float) -> None:
    """Set the first bias of a convolution."""
    nn.init.constant_(cast(Tensor, layer.bias), bias)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape."""
        return functional.relu(x + self.second(self.first(x)))


def size_of(x: Tensor) -> tuple[int, int]:
    """Rows and columns as plain numbers: constants in an exported graph, where only the batch is open."""
    return int(x.shape[-2]), int(x.shape[-1])


def resize(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear to another map's size, pixel areas aligned.

    By factors: an exported graph then holds them as constants, where a target size is worked out from tensors.
    """
    factors = [wanted / own for wanted, own in zip(size_of(like), size_of(x), strict=True)]
    return functional.interpolate(x, scale_factor=factors, mode="bilinear", align_corners=False)


class Exchange(nn.Module):
    """Each resolution hears all others: strided convolutions down, 1x1 and bilinear up."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.ModuleList(self._path(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )

    @staticmethod
    def _path(widths: list[int], source: int, target: int) -> nn.Module:
        if source == target:
            return nn.Identity()
        if source > target:
            return nn.Sequential(
                nn.Conv2d(widths[source], widths[target], 1, bias=False), nn.BatchNorm2d(widths[target])
            )
        steps: list[nn.Module] = [convolution(widths[source], widths[source], 3, 2) for _ in range(target - source - 1)]
        last = nn.Conv2d(widths[source], widths[target], 3, 2, 1, bias=False)
        return nn.Sequential(*steps, last, nn.BatchNorm2d(widths[target]))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """List of maps from fine to coarse, same shapes out."""
        fused = []
        for target, paths in enumerate(cast(Iterable[nn.ModuleList], self.paths)):
            total = maps[target]
            for source, path in enumerate(paths):
                if source < target:
                    total = total + path(maps[source])
                elif source > target:
                    total = total + resize(path(maps[source]), maps[target])
            fused.append(functional.relu(total))
        return fused


class ResolutionStage(nn.Module):
    """Two residual blocks per resolution, then one exchange."""

    def __init__(self, widths: list[int], blocks: int = 2) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(w) for _ in range(blocks))) for w in widths)
        self.exchange = Exchange(widths)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """List of maps from fine to coarse, same shapes out."""
        fused: list[Tensor] = self.exchange([branch(x) for branch, x in zip(self.branches, maps, strict=True)])
        return fused


class HighResolutionEncoder(nn.Module):
    """Stem to 1/4, then maps at 1/4, 1/8, 1/16, 1/32 with ``width`` x 1, 2, 4, 8 channels.

    Parameters
    ----------
    inputs : int
        Input channels.
    width : int
        Channels of the finest map.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.widths = [width * 2**k for k in range(4)]
        self.stem = nn.Sequential(convolution(inputs, 16, 3, 2), convolution(16, 16))
        self.quarter = nn.Sequential(convolution(16, 32, 3, 2), BasicBlock(32), convolution(32, width))
        self.widen = nn.ModuleList(convolution(self.widths[k], self.widths[k + 1], 3, 2) for k in range(3))
        self.stages = nn.ModuleList(
            nn.ModuleList(ResolutionStage(self.widths[: k + 2]) for _ in range(repeats))
            for k, repeats in enumerate((1, 2, 2))
        )

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Map at 1/2 and the four maps, fine to coarse."""
        half = self.stem(x)
        maps = [self.quarter(half)]
        for widen, stage in zip(self.widen, self.stages, strict=True):
            maps = [*maps, widen(maps[-1])]
            for block in cast(nn.ModuleList, stage):
                maps = block(maps)
        return half, maps


def constant_planes(x: Tensor, values: Tensor) -> Tensor:
    """(n, k) numbers as (n, k, h, w) planes beside images (n, c, h, w)."""
    return functional.interpolate(values.to(x.dtype)[:, :, None, None], scale_factor=[float(n) for n in size_of(x)])
