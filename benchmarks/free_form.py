"""Free-form residual after the modes, and whether it would help: ``python -m benchmarks.free_form [--people N]``.

The shipped models get further modes of short length (8 mm, SD 0.4 mm, everywhere alike), orthogonal to their own, free
in the same stages and weighed by the same prior: what a free-form step with a smoothness penalty would do. Held-out
drawn people as in ``benchmarks.joint_prior``, whose residual has such detail. Writes ``results/free_form.md``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np
from scipy.linalg import eigh

from benchmarks.joint_prior import Clinic, PriorCase, Result, fit, table
from benchmarks.machine import describe
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.registration.register import register
from lumbar3d.shape.assets import AssetStore, default_asset_directory, load_shape_models
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.shape_model.gaussian_process import ProcessSettings, smooth_functions

DETAIL = ProcessSettings(
    lengths_mm=(8.0,), sds_mm=(0.4,), adjacent_correlations=(0.0,), side_coupling=0.0, body_amplitude=1.0, functions=200
)
FURTHER_MODES = 200


def with_free_form(model: ShapeModel) -> ShapeModel:
    """The model with further modes for what its own cannot express; the levels share nothing of them."""
    functions = smooth_functions(model.mean, DETAIL).values.astype(np.float32)
    fields = np.einsum("vj,ab->vajb", functions, np.eye(3, dtype=np.float32)).reshape(3 * len(functions), -1)
    own = model.modes.reshape(-1, model.rank)
    turns = np.stack([np.cross(axis, model.mean) for axis in np.eye(3)])
    shifts = np.broadcast_to(np.eye(3)[:, None], turns.shape)
    rigid = np.linalg.qr(np.concatenate([turns, shifts]).reshape(6, -1).T)[0].astype(np.float32)
    for known in (own, rigid):
        fields = fields - known @ (known.T @ fields)
    values, vectors = eigh((fields.T @ fields).astype(np.float64))
    kept = slice(None, -FURTHER_MODES - 1, -1)
    modes = (fields @ vectors[:, kept].astype(np.float32)).reshape(*model.mean.shape, -1)
    shared = model.shared_loadings
    return replace(
        model,
        scaled_modes=np.concatenate([model.scaled_modes, modes], axis=-1),
        eigenvalues=np.concatenate([model.eigenvalues, values[kept]]),
        shared_loadings=None if shared is None else np.pad(shared, ((0, FURTHER_MODES), (0, 0))),
    )


def cpu_s(case: PriorCase, models: Sequence[ShapeModel]) -> float:
    """CPU seconds of one fit."""
    start = time.process_time()
    register(models, case.detection, CpuProjector())
    return time.process_time() - start


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--assets", type=Path, default=default_asset_directory())
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    models = load_shape_models(AssetStore.open(arguments.assets))
    compared = {"modes as shipped": models, "and a free-form residual": tuple(map(with_free_form, models))}
    clinic, results, costs = Clinic(models), list[Result](), dict[str, list[float]]()
    for number in range(arguments.people):
        for condition in ("as the design", "worse images"):
            case = clinic.case(number, condition, crushed=False)
            for name, chosen in compared.items():
                results += fit(case, name, chosen)
                costs.setdefault(name, []).append(cpu_s(case, chosen))
    text = ["## A free-form residual after the modes, held-out drawn people", "", *table(results), ""]
    text += [f"- {name}: {np.median(seconds):.2f} CPU s for five vertebrae" for name, seconds in costs.items()]
    text += [
        f"- {arguments.people} people; models {models[0].version}, {models[0].rank} modes and {FURTHER_MODES} more"
    ]
    text += [f"- machine: {describe('numpy', 'scipy')}"]
    print("\n".join(text))
    (arguments.out / "free_form.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
