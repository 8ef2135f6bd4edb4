"""Reliability of the landmarks' stated covariances: a picture and a table, by view and kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

from lumbar3d.arrays import Array

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

NAMES = ("landmark_error_px", "landmark_covariance_px2")
TITLES = {"ap": "AP", "lat": "LAT"}
NOMINAL = np.linspace(0.05, 0.95, 19)
STATED = (0.5, 0.68, 0.95)
POINTS = 6
"""Groups of landmarks, from the surest to the least sure, per kind and view."""


def flat(results: Sequence[Mapping[str, Any]], kind: Sequence[int]) -> tuple[Array, Array]:
    """Errors (n, 2) and covariances (n, 2, 2) of one kind of landmark, in pixels of the full grid."""
    error, covariance = (np.stack([result[name] for result in results])[:, :, list(kind)] for name in NAMES)
    return error.reshape(-1, 2), covariance.reshape(-1, 2, 2)


def coverage(error: Array, covariance: Array, nominal: Array) -> Array:
    """Share of errors within the ellipses that should hold the share ``nominal`` of a Gaussian's."""
    squares = np.einsum("ni,nij,nj->n", error, np.linalg.inv(covariance), error)
    return np.asarray((squares[:, None] <= -2.0 * np.log(1.0 - nominal)).mean(axis=0))


def table(results: Sequence[Mapping[str, Any]], kinds: Mapping[str, Sequence[int]]) -> dict[str, dict[str, float]]:
    """Share of errors within the 50, 68 and 95 % ellipses, by kind."""
    rows = {}
    for name, kind in kinds.items():
        found = coverage(*flat(results, kind), np.array(STATED))
        rows[name] = {f"within_{100 * p:.0f}": round(float(value), 3) for p, value in zip(STATED, found, strict=True)}
    return rows


def draw(views: Mapping[str, Sequence[Mapping[str, Any]]], kinds: Mapping[str, Sequence[int]], target: Path) -> None:
    """Left: observed share within ellipses over the stated share. Right: RMS error over stated sigma."""
    figure, panels = plt.subplots(2, 2, figsize=(8.0, 7.4))
    for row, (view, title) in zip(panels, TITLES.items(), strict=True):
        for name, kind in kinds.items():
            error, covariance = flat(views[view], kind)
            row[0].plot(NOMINAL, coverage(error, covariance, NOMINAL), marker=".", label=name)
            row[1].loglog(*_grouped(error, covariance), marker="o", markersize=4, label=name)
        row[0].plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        row[0].set(title=f"{title}: share within the stated ellipse", xlabel="stated", ylabel="observed")
        low, high = 0.5, 20.0
        row[1].plot([low, high], [low, high], color="grey", linewidth=0.8)
        row[1].set(title=f"{title}: error per axis", xlabel="stated sigma, px of the 512 grid", ylabel="found, px")
        row[0].legend(fontsize=8)
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=80)
    plt.close(figure)


def _grouped(error: Array, covariance: Array) -> tuple[Array, Array]:
    """Stated sigma and found error of groups; found: from the median square, so that single gross errors do not rule.

    The squared length of a two-dimensional Gaussian error has the median 2 ln 2 times the variance per axis.
    """
    sigma = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1) / 2)
    groups = np.array_split(np.argsort(sigma), POINTS)
    found = [np.sqrt(np.median((error[group] ** 2).sum(-1)) / (2.0 * np.log(2.0))) for group in groups]
    return np.array([np.sqrt(np.mean(sigma[group] ** 2)) for group in groups]), np.array(found)
