"""Losses of the paper's section 2.3 for level-wise outputs, and one for silhouettes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lumbar3d.training.network.multitask import STRIDE
from lumbar3d.training.network.refiner import landmark_loss

VOTE_UNIT_PX = 32.0
SIGMA_CELLS = 1.5
"""Width of the target heatmap."""
SILHOUETTE, SILHOUETTE_WIDTH = 0.05, 0.012
"""Opacity of 1.4 mm of bone, from which the benchmark counts a pixel, and how sharply the loss does."""


@dataclass(frozen=True)
class LossWeights:
    """The decomposition counts most: it decides the surface's error, and the refiner mends the landmarks."""

    ncc: float = 2.0
    square: float = 60.0
    silhouette: float = 0.3
    heatmap: float = 0.3
    votes: float = 0.5


@dataclass(frozen=True)
class RefinerWeights:
    """Of the refiner, such that neither task's gradients drown the other's."""

    ncc: float = 10.0
    square: float = 100.0
    silhouette: float = 3.0
    entropy: float = 0.3
    distance: float = 0.06


WEIGHTS, REFINER_WEIGHTS = LossWeights(), RefinerWeights()


def decomposition_loss(predicted: Tensor, target: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """``(L_ncc, L_2)``: one minus normalised cross-correlation per present level, and mean square over all.

    Parameters
    ----------
    predicted, target : (n, 5, h, w)
        Opacity.
    present : (n, 5)
        1 where the level is in the image.
    """
    p = predicted.flatten(2) - predicted.flatten(2).mean(-1, keepdim=True)
    g = target.flatten(2) - target.flatten(2).mean(-1, keepdim=True)
    seen = present * (g.square().sum(-1) > 1.0)
    ncc = (p * g).sum(-1) / torch.sqrt(p.square().sum(-1) * g.square().sum(-1) + 1e-3)
    return ((1.0 - ncc) * seen).sum() / seen.sum().clamp_min(1.0), (predicted - target).square().mean()


def target_heatmap(centres_px: Tensor, present: Tensor, shape: tuple[int, int]) -> Tensor:
    """Gaussians (n, 5, h/4, w/4) around the centres (n, 5, 2), exactly 1 in the nearest cell."""
    cells = (centres_px - (STRIDE - 1) / 2) / STRIDE
    v, u = _grid(shape, cells.device)
    square = (u - cells[..., 0, None, None]) ** 2 + (v - cells[..., 1, None, None]) ** 2
    gauss = torch.exp(-0.5 * square / SIGMA_CELLS**2)
    nearest = (u == cells[..., 0, None, None].round()) & (v == cells[..., 1, None, None].round())
    return torch.where(nearest, torch.ones_like(gauss), gauss) * present[..., None, None]


def _grid(shape: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Row and column of each cell."""
    rows, columns = (torch.arange(length, device=device) for length in shape)
    v, u = torch.meshgrid(rows, columns, indexing="ij")
    return v, u


def heatmap_loss(logits: Tensor, target: Tensor, counts: Tensor) -> Tensor:
    """Penalty-reduced focal loss (CornerNet), per centre.

    Parameters
    ----------
    logits, target : (n, k, h/4, w/4)
    counts : (n, k)
        0 where nobody can say whether the centre is shown.
    """
    p = logits.sigmoid().clamp(1e-4, 1.0 - 1e-4)
    positive = (target == 1.0).float()
    hit = positive * (1.0 - p) ** 2 * p.log()
    miss = (1.0 - positive) * (1.0 - target) ** 4 * p**2 * (1.0 - p).log()
    return -((hit + miss).sum((2, 3)) * counts).sum() / positive.sum().clamp_min(1.0)


def vote_loss(votes: Tensor, target: Tensor, landmarks_px: Tensor, centres_px: Tensor, size: int) -> Tensor:
    """L1 between the offsets that cells near a centre vote for and the true ones; landmarks outside do not count.

    Parameters
    ----------
    votes : (n, 16, h/4, w/4)
    target : (n, 5, h/4, w/4)
        Target heatmap.
    landmarks_px : (n, 5, 7, 2)
    centres_px : (n, 5, 2)
    size : int
        Columns (= rows) of the input.
    """
    points = torch.cat([landmarks_px, centres_px[:, :, None]], 2)
    inside = ((points > 0) & (points < size - 1)).all(-1).float()
    v, u = _grid((target.shape[2], target.shape[3]), target.device)
    here = torch.stack([u, v]) * STRIDE + (STRIDE - 1) / 2
    near, best = target.max(1)
    weight = near * (near > 0.25)
    n = len(votes)
    chosen = points.flatten(2).gather(1, best.flatten(1)[..., None].expand(-1, -1, 16))
    shown = inside.gather(1, best.flatten(1)[..., None].expand(-1, -1, 8))
    wanted = chosen.reshape(n, *here.shape[1:], 8, 2) - here.permute(1, 2, 0)[None, :, :, None]
    found = votes.permute(0, 2, 3, 1).reshape(n, *here.shape[1:], 8, 2) * VOTE_UNIT_PX
    error = functional.smooth_l1_loss(found, wanted, reduction="none", beta=0.5).mean(-1) / VOTE_UNIT_PX
    weights = weight[..., None] * shown.reshape(n, *here.shape[1:], 8)
    return (error * weights).sum() / weights.sum().clamp_min(1.0)


def silhouette_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """One minus a soft Dice of what is at least as opaque as ``SILHOUETTE``: thin processes weigh as much as bodies.

    Parameters
    ----------
    predicted, target : (n, k, h, w)
        Opacity.
    """
    p = ((predicted - SILHOUETTE) / SILHOUETTE_WIDTH).sigmoid()
    g = (target > SILHOUETTE).float()
    return 1.0 - (2.0 * (p * g).sum() + 1.0) / (p.sum() + g.sum() + 1.0)


def total_loss(outputs: tuple[Tensor, Tensor, Tensor, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """All terms and their weighted ``total``."""
    opacity, logits, votes = (output.float() for output in outputs[:3])
    size, levels = opacity.shape[-1], opacity.shape[1]
    centres = torch.cat([batch["landmarks"][:, :, :2].mean(2), batch["marks"]], 1)
    told = torch.cat([batch["present"], batch["marks_present"]], 1)
    present = told.clamp_min(0.0) * ((centres > 0) & (centres < size - 1)).all(-1)
    target = target_heatmap(centres, present, (logits.shape[2], logits.shape[3]))
    # A film that does not tell which vertebra is which asks for no name, but for everything else.
    wanted = target * batch["named"][:, None, None, None]
    truth = batch["opacity"].float() / 255.0
    ncc, square = decomposition_loss(opacity, truth, batch["present"])
    terms = {
        "ncc": ncc,
        "square": square,
        "silhouette": silhouette_loss(opacity, truth),
        "heatmap": heatmap_loss(logits, wanted, (told >= 0.0).float()),
        "votes": vote_loss(votes, target[:, :levels], batch["landmarks"], centres[:, :levels], size),
    }
    return with_total(terms, WEIGHTS)


def refiner_loss(outputs: tuple[Tensor, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Terms of the refiner's opacity and landmarks, and their weighted ``total``."""
    opacity, logits = (output.float() for output in outputs)
    truth = batch["opacity"].float() / 255.0
    ncc, square = decomposition_loss(opacity, truth, torch.ones_like(opacity[:, :, 0, 0]))
    terms = {"ncc": ncc, "square": square, "silhouette": silhouette_loss(opacity, truth)}
    return with_total({**terms, **landmark_loss(logits, batch["landmarks"])}, REFINER_WEIGHTS)


def with_total(terms: dict[str, Tensor], weights: LossWeights | RefinerWeights) -> dict[str, Tensor]:
    """The terms and their weighted sum as ``total``."""
    return {**terms, "total": torch.stack([getattr(weights, name) * term for name, term in terms.items()]).sum()}
