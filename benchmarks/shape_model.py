"""Generality of the shape model: its 3D fit to real vertebrae that are not in it.

``python -m benchmarks.shape_model --data DIR [--assets DIR] [--pictures DIR]``: rigid pose and coefficients within
3 SD, fitted to the known surface (``model_fit``), about three CPU minutes. Writes
``benchmarks/results/shape_model.{json,md}`` and, on demand, the pictures of ``residual_pictures``.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy

import numpy as np

from benchmarks import residual_pictures
from benchmarks.machine import describe
from benchmarks.real_vertebrae import Comparison, RealVertebra, real_vertebrae
from benchmarks.regions import vertex_regions
from benchmarks.shape_model_report import LevelFit, report
from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Numbers
from lumbar3d.shape.assets import AssetStore, default_asset_directory, load_shape_models
from lumbar3d.validation.model_fit import ModelFit, fit_model

RESULTS = Path(__file__).with_name("results")


def score(vertebra: RealVertebra, fit: ModelFit, regions: Numbers) -> LevelFit:
    """Measure what a fit leaves."""
    found, patches = Comparison.of(vertebra.surface, fit, regions), fit.model.patches
    return LevelFit(
        person=vertebra.person,
        level=vertebra.level,
        kind=vertebra.kind,
        assd_mm=found.assd_mm,
        hd95_mm=found.hd95_mm,
        body_mm=float(found.forward[patches["body"]].mean()),
        posterior_mm=float(found.forward[patches["posterior"]].mean()),
        coefficient_rms_sd=float(np.sqrt((fit.coefficients**2).mean())),
        regions=found.by_region(),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--assets", type=Path, default=default_asset_directory())
    parser.add_argument("--people", nargs="+", help="these only, and no table is written")
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of what the fits leave")
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    models = dict(zip(LEVELS, load_shape_models(store), strict=True))
    regions = vertex_regions(models["L3"])
    chosen = [v for v in real_vertebrae(arguments.data) if arguments.people is None or v.person in arguments.people]
    fits = [fit_model(models[vertebra.level], vertebra.surface) for vertebra in chosen]
    scores = [score(vertebra, fit, regions) for vertebra, fit in zip(chosen, fits, strict=True)]
    text = report(scores)
    print(text)
    if arguments.pictures:
        residual_pictures.draw_all(chosen, fits, scores, arguments.pictures)
    if arguments.people is None:
        RESULTS.mkdir(exist_ok=True)
        record = {
            "machine": describe("numpy", "scipy"),
            "assets": [store.describe(f"ssm_{level}").model_dump() for level in LEVELS],
            "modes": models["L3"].rank,
            "fits": [asdict(fitted) for fitted in scores],
        }
        (RESULTS / "shape_model.json").write_text(json.dumps(record, indent=1) + "\n")
        (RESULTS / "shape_model.md").write_text(text)


if __name__ == "__main__":
    main()
