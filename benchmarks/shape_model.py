"""What the shape model can express: its 3D fit to real vertebrae that are not in it.

``python -m benchmarks.shape_model --data DIR [--assets DIR]``: rigid pose and coefficients within 3 SD, fitted to the
known surface (``model_fit``). Writes ``benchmarks/results/shape_model.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks.machine import describe
from benchmarks.model_fit import ModelFit, fit_model
from benchmarks.subjects import COMPLETE_SUBJECTS, SOURCES, Subject, load_subject
from lumbar3d.contracts import LEVELS
from lumbar3d.shape.assets import AssetStore, default_asset_directory, load_shape_models
from lumbar3d.shape.distance import assd_mm, hd95_mm, vertex_to_surface_mm
from lumbar3d.shape.model import ShapeModel

RESULTS = Path(__file__).with_name("results")
NOTE = """Undeformed vertebrae only in the means. The people are few. No shape of theirs is in the model; side coupling,
body amplitude and process bending come from published standard deviations, but lengths and SDs of the Gaussian process
were taken from an earlier study that saw verse004 and verse005: the figures are mildly optimistic. Coefficients above
1 SD RMS say that real detail is a little richer than the prior."""


@dataclass(frozen=True)
class LevelFit:
    """One vertebra; distances in mm.

    ``assd_mm`` and ``hd95_mm`` are symmetric; ``body_mm`` and ``posterior_mm`` are means of the fitted vertices of that
    patch to the true surface; ``coefficient_rms_sd`` is 1 where the prior's spread is right.
    """

    subject: str
    level: str
    deformed: bool
    assd_mm: float
    hd95_mm: float
    body_mm: float
    posterior_mm: float
    coefficient_rms_sd: float


def score(subject: Subject, level: str, model: ShapeModel) -> LevelFit:
    """Fit one vertebra and measure what is left."""
    truth = subject.meshes_world[level]
    fit: ModelFit = fit_model(model, truth)
    fitted = fit.mesh()
    distance = vertex_to_surface_mm(fitted.vertices, truth)
    return LevelFit(
        subject=subject.name,
        level=level,
        deformed=level in subject.deformed_levels,
        assd_mm=assd_mm(fitted, truth),
        hd95_mm=hd95_mm(fitted, truth),
        body_mm=float(distance[model.patches["body"]].mean()),
        posterior_mm=float(distance[model.patches["posterior"]].mean()),
        coefficient_rms_sd=float(np.sqrt((fit.coefficients**2).mean())),
    )


def table(fits: list[LevelFit]) -> str:
    """Markdown: one row per vertebra, then means over the sound ones by level, by person and over all."""
    rows = [
        "## 3D fit of the shape model to real vertebrae",
        "",
        "| person | level | mean symmetric mm | 95th percentile | body | posterior | coefficients, RMS SD |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [_row(f"{fit.subject}{' (deformed)' if fit.deformed else ''}", fit.level, [fit]) for fit in fits]
    sound = [fit for fit in fits if not fit.deformed]
    rows += [_row("all", level, [fit for fit in sound if fit.level == level]) for level in LEVELS]
    for name in dict.fromkeys(fit.subject for fit in sound):
        rows.append(_row(name, "all", [fit for fit in sound if fit.subject == name]))
    rows.append(_row("**all**", "**all**", sound))
    return "\n".join([*rows, "", NOTE, ""])


def _row(person: str, level: str, fits: list[LevelFit]) -> str:
    figures = ("assd_mm", "hd95_mm", "body_mm", "posterior_mm", "coefficient_rms_sd")
    return (
        f"| {person} | {level} | " + " | ".join(f"{mean(getattr(f, key) for f in fits):.2f}" for key in figures) + " |"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--assets", type=Path, default=default_asset_directory())
    parser.add_argument("--subjects", nargs="+", choices=tuple(SOURCES), default=COMPLETE_SUBJECTS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    models = dict(zip(LEVELS, load_shape_models(store), strict=True))
    fits = []
    for name in arguments.subjects:
        subject = load_subject(arguments.data, name)
        fits += [score(subject, level, models[level]) for level in subject.levels]
    text = table(fits)
    print(text)
    arguments.out.mkdir(exist_ok=True, parents=True)
    record = {
        "machine": describe("numpy", "scipy"),
        "assets": [store.describe(f"ssm_{level}").model_dump() for level in LEVELS],
        "modes": models["L3"].rank,
        "fits": [asdict(fit) for fit in fits],
    }
    (arguments.out / "shape_model.json").write_text(json.dumps(record, indent=1) + "\n")
    (arguments.out / "shape_model.md").write_text(text)


if __name__ == "__main__":
    main()
