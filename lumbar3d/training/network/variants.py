"""Ablation variants of the multi-task network: fusion between the two tasks, or one task alone.

All have the encoder, the heads and, for the same seed, the same first weights of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lumbar3d.anatomy import LEVEL_COUNT
from lumbar3d.training.network.hrnet import convolution, resize, start_at
from lumbar3d.training.network.losses import WEIGHTS, with_total
from lumbar3d.training.network.multitask import MultiTaskNetwork
from lumbar3d.training.network.train import coarse_loss
from lumbar3d.training.network.trainer import Batch, LossFunction

LANDMARK_TERMS = ("heatmap", "votes")


class LonePath(nn.Module):
    """One path's convolutions of a feature fusion module, with itself in the other path's place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.own = convolution(channels, channels)
        self.joined = convolution(2 * channels, channels)

    def forward(self, path: Tensor, finer: Tensor) -> Tensor:
        """A map at one resolution and the encoder's map of the next finer one."""
        return resize(self.joined(torch.cat([path, self.own(path)], 1)), finer) + finer


class Apart(nn.Module):
    """In place of ``Fusion``: both paths as deep as with it and no smaller, but blind to each other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.decomposition, self.landmark = LonePath(channels), LonePath(channels)

    def forward(self, dec: Tensor, lmk: Tensor, finer: Tensor) -> tuple[Tensor, Tensor]:
        """As ``Fusion.forward``."""
        return self.decomposition(dec, finer), self.landmark(lmk, finer)


class WithoutFusion(MultiTaskNetwork):
    """Two decoding paths that share the encoder only."""

    def __init__(self, width: int = 12, channels: int = 32) -> None:
        super().__init__(width, channels)
        self.fusions = nn.ModuleList(Apart(channels) for _ in self.fusions)


class SingleImage(MultiTaskNetwork):
    """The paper's one decomposition image of all five vertebrae, (n, 1, h, w), in place of one per level."""

    def __init__(self, width: int = 12, channels: int = 32) -> None:
        super().__init__(width, channels)
        self.decomposition = nn.Sequential(nn.Conv2d(32, 4, 3, 1, 1), nn.PixelShuffle(2))
        start_at(self.decomposition[0], 0.05)


def combined(opacity: Tensor) -> Tensor:
    """Opacity (n, 1, h, w) of all levels together from that of each (n, 5, h, w): 1 - prod(1 - opacity)."""
    return 1.0 - torch.prod(1.0 - opacity, 1, keepdim=True)


class Repeated(nn.Module):
    """A ``SingleImage`` network that says its image once per level, where losses expect one each."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, view: Tensor) -> tuple[Tensor, ...]:
        """As ``MultiTaskNetwork.forward``."""
        single, *others = self.network(image, view)
        return single.expand(-1, LEVEL_COUNT, -1, -1), *others


def decomposition_only(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Without the landmarks' terms; after ``Apart`` their path then does not exist for the rest of the network."""
    terms = coarse_loss(network, batch)
    return _weighed({name: term for name, term in terms.items() if name not in LANDMARK_TERMS})


def landmarks_only(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Without the decomposition's terms."""
    terms = coarse_loss(network, batch)
    return _weighed({name: terms[name] for name in LANDMARK_TERMS})


def single_image_loss(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Against the combined image; square errors weigh per pixel what they weigh in each of five channels."""
    together = 255.0 * combined(batch["opacity"].float() / 255.0)
    terms = coarse_loss(Repeated(network), {**batch, "opacity": together.expand(-1, LEVEL_COUNT, -1, -1)})
    return _weighed({**terms, "square": terms["square"] / LEVEL_COUNT})


def _weighed(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    return with_total({name: term for name, term in terms.items() if name != "total"}, WEIGHTS)


@dataclass(frozen=True)
class Variant:
    """A network, how it is taught, and what it can be asked.

    Attributes
    ----------
    title : str
        In tables.
    network : callable
        Makes the network.
    loss : callable
    decomposes, finds_landmarks : bool
        Which of its outputs mean something.
    """

    title: str
    network: Callable[..., nn.Module]
    loss: LossFunction
    decomposes: bool = True
    finds_landmarks: bool = True


VARIANTS = {
    "full": Variant("fused, both tasks", MultiTaskNetwork, coarse_loss),
    "no_fusion": Variant("without fusion, both tasks", WithoutFusion, coarse_loss),
    "decomposition": Variant("decomposition alone", WithoutFusion, decomposition_only, finds_landmarks=False),
    "landmarks": Variant("landmarks alone", WithoutFusion, landmarks_only, decomposes=False),
    "single_image": Variant("fused, one image of all levels", SingleImage, single_image_loss),
}
