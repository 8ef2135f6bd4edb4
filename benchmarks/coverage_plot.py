"""Reliability plot of the surface: true error over stated standard error, by region and group of people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, NullFormatter, ScalarFormatter

from benchmarks.regions import REGIONS
from lumbar3d.arrays import Array, Numbers

POINTS = 6
"""Groups of vertices, from the surest to the least sure."""
FEWEST = 30
TICKS_MM = (0.2, 0.5, 1.0, 2.0, 5.0)


def binned(stated_mm: Array, error_mm: Array) -> tuple[Array, Array]:
    """RMS of the stated and of the true error, (POINTS,) each, in groups of equal size by the stated one."""
    parts = np.array_split(np.argsort(stated_mm), POINTS)
    stated, error = ([float(np.sqrt((values[part] ** 2).mean())) for part in parts] for values in (stated_mm, error_mm))
    return np.array(stated), np.array(error)


def draw(groups: Mapping[str, tuple[Array, Array, Numbers]], target: Path) -> None:
    """One panel a group; on the diagonal what is stated is true."""
    figure, panels = plt.subplots(1, len(groups), figsize=(5.2 * len(groups), 4.8), squeeze=False)
    for panel, (name, (stated, error, region)) in zip(panels[0], groups.items(), strict=True):
        for number, part in enumerate(REGIONS):
            chosen = region == number
            if chosen.sum() >= FEWEST:
                panel.loglog(*binned(stated[chosen], error[chosen]), marker="o", markersize=4, label=part)
        panel.plot([0.2, 5.0], [0.2, 5.0], color="grey", linewidth=0.8)
        panel.set(title=name, xlabel="stated standard error, mm", ylabel="true error (RMS), mm")
        panel.legend(fontsize=7)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(FixedLocator(TICKS_MM))
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_formatter(NullFormatter())
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)
    plt.close(figure)
