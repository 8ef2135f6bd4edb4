"""Report on a cohort's model: figures as JSON, and the paper's Fig. 4-6 of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from lumbar3d.anatomy import LEVELS
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.cohort.errors import CohortError
from lumbar3d.training.cohort.measures import measure_model, modes_for
from lumbar3d.training.cohort.pictures import curves_picture, modes_picture, scree_picture
from lumbar3d.training.cohort.store import WorkFolder


def write_report(assets: Path, level: str, work: WorkFolder, out: Path) -> list[Path]:
    """Measure and draw; returns the files written.

    Raises
    ------
    AssetError
        The asset directory cannot be loaded.
    CohortError
        No finished cohort in the work folder, or the model is not made of it.
    """
    store = AssetStore.open(assets)
    model = load_shape_models(store)[LEVELS.index(level)]
    cohort = work.cohort()
    if cohort.shapes.shape[1:] != model.mean.shape or abs(cohort.shapes.mean(axis=0) - model.mean).max() > 0.01:
        raise CohortError(f"the {level} model in {assets.name} was not built from the vertebrae in {work.folder.name}")
    measures = measure_model(cohort.shapes, cohort.faces)
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{level}_{name}" for name in ("scree.png", "curves.png", "modes.png", "report.json")]
    scree_picture(level, measures, paths[0])
    curves_picture(level, measures, paths[1])
    modes_picture(model, paths[2])
    variance = {f"modes_for_{share:.0%}": modes_for(share, measures.compactness) for share in (0.75, 0.9, 0.95, 0.98)}
    record = {"asset": store.describe(f"ssm_{level}").model_dump(), **variance, **asdict(measures)}
    paths[3].write_text(json.dumps(record, indent=1) + "\n")
    return paths
