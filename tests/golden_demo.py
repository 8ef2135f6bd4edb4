"""Golden figures of the demonstration pair: what a change that should change nothing is held against.

``python -m tests.golden_demo`` prints how far the engine's answer lies from the stored one (below 1e-6 mm on the
machine that stored it); ``--write`` stores a new one, for a change that is meant to change the answer.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import Calibration
from lumbar3d.pipeline import Engine
from lumbar3d.reconstruction import Reconstruction

DEMO = Path(__file__).resolve().parents[1] / "demo"
STORED = Path(__file__).resolve().parent / "golden" / "demo.json"
VERTEX_STEP = 150
"""Every so many vertices are stored: about 70 of each mesh."""
DIGITS = 8

Figures = dict[str, NDArray[np.float64]]


def figures(answer: Reconstruction) -> Figures:
    """What is compared, by name with its unit: landmarks, vertices, posterior, agreement, numbers of L1 to L5."""
    result = answer.to_result()
    measured = [(m.value, m.sigma) for m in result.measurements if not m.target.endswith("S1")]
    return {
        "detected_px": np.stack([view.landmarks_px for view in answer.detection.views]),
        "triangulated_mm": answer.registration.triangulated_mm,
        "landmarks_mm": np.stack([vertebra.landmarks_world() for vertebra in answer.vertebrae]),
        "vertices_mm": np.concatenate([mesh.vertices[::VERTEX_STEP] for mesh in answer.meshes.values()]),
        "surface_sigma_mm": answer.registration.surface_sigma_mm,
        "image_residual": answer.registration.image_residual,
        "measurements": np.array(measured),
    }


def differences(found: Figures) -> dict[str, float]:
    """Largest distance of every kind of figure from the stored one."""
    stored = {name: np.array(values) for name, values in json.loads(STORED.read_text()).items()}
    assert stored.keys() == found.keys()
    return {name: float(np.abs(found[name] - values).max()) for name, values in stored.items()}


def answer(engine: Engine) -> Reconstruction:
    """The demonstration pair, reconstructed."""
    calibration = Calibration.model_validate_json((DEMO / "calibration.json").read_text())
    return engine.reconstruct(DEMO / "ap.png", DEMO / "lat.png", calibration)


def main() -> None:
    """Compare or store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    found = figures(answer(Engine.load(device="cpu")))
    if parser.parse_args().write:
        rounded = {name: np.round(values, DIGITS).tolist() for name, values in found.items()}
        STORED.write_text(json.dumps(rounded, separators=(",", ":")) + "\n")
    for name, difference in differences(found).items():
        print(f"{name}: {difference:.2e}")  # noqa: T201


if __name__ == "__main__":
    main()
