"""Score of an ablation variant on held-out films: the figures of the paper's Tables 1-3."""

from __future__ import annotations

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from benchmarks.ablation_films import Films
from benchmarks.network_measure import SDR_MM, dice
from lumbar3d.anatomy import LANDMARK_GROUPS
from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.decode import read_levels
from lumbar3d.training.network.losses import VOTE_UNIT_PX
from lumbar3d.training.network.variants import Variant, combined

GROSS_MM = 20.0
"""Beyond it a landmark is on another level, or nowhere: such errors carry the mean."""
Score = dict[str, dict[str, float]]
Measured = dict[str, Array | float]


def score(variant: Variant, network: nn.Module, films: Films) -> Score:
    """Means over the films of each view; of landmarks over those of visible levels.

    Returns
    -------
    dict
        View to name to figure: ``dice``, ``psnr_db``, ``ssim`` of the image of all levels together; ``mm_<kind>``,
        ``sdr_<limit>_<kind>`` and ``gross_all`` in percent.
    """
    found: dict[str, list[Measured]] = {view: [] for view in VIEWS}
    for index in range(len(films)):
        film = films[index]
        with torch.no_grad():
            opacity, logits, votes = network(film["image"][None], film["view"][None])[:3]
        measured: Measured = {}
        if variant.decomposes:
            measured |= image_figures(opacity, film["opacity"][None].float() / 255.0)
        if variant.finds_landmarks:
            landmarks_px = read_levels(logits[0].sigmoid().numpy(), (votes[0] * VOTE_UNIT_PX).numpy()).landmarks_px
            distance_px = np.linalg.norm(landmarks_px - film["landmarks"].numpy(), axis=-1)
            measured["error_mm"] = (distance_px * film["mm_per_px"].numpy())[film["present"].numpy() > 0]
        found[VIEWS[index % 2]].append(measured)
    return {view: _means(results) for view, results in found.items()}


def image_figures(opacity: Tensor, truth: Tensor) -> dict[str, float]:
    """Dice, PSNR, SSIM of the single image; opacity (1, 5 or 1, h, w), truth (1, 5, h, w)."""
    single, exact = (combined(image.clamp(0.0, 1.0))[0, 0].double().numpy() for image in (opacity, truth))
    return {
        "dice": dice(exact, single),
        "psnr_db": float(-10.0 * np.log10(np.mean((single - exact) ** 2))),
        "ssim": float(structural_similarity(exact, single, data_range=1.0)),
    }


def _means(results: list[Measured]) -> dict[str, float]:
    means = {name: float(np.mean([r[name] for r in results])) for name in results[0] if name != "error_mm"}
    if "error_mm" in results[0]:
        means |= landmark_figures(np.concatenate([np.asarray(r["error_mm"]) for r in results]))
    return {name: round(value, 4) for name, value in means.items()}


def landmark_figures(error_mm: Array) -> dict[str, float]:
    """Mean distance and detection rates by kind of landmark; errors (n, 7)."""
    figures = {"gross_all": 100.0 * float((error_mm > GROSS_MM).mean())}
    for kind, which in {"all": tuple(range(error_mm.shape[1])), **LANDMARK_GROUPS}.items():
        part = error_mm[:, list(which)]
        figures[f"mm_{kind}"] = float(part.mean())
        figures |= {f"sdr_{limit:.0f}_{kind}": 100.0 * float((part < limit).mean()) for limit in SDR_MM}
    return figures
