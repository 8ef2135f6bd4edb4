"""Calibration of the refiner: the landmark error model on validation patients, and what its opacities mean.

``python -m lumbar3d.training.network.calibrate --assets DIR --coarse STATE --surroundings DIR --out calibration.json``,
then export with the result. The patients are held out, and are not those on whom the result is measured.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from lumbar3d.anatomy import LANDMARK_COUNT, LANDMARK_GROUPS
from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.landmark_error_model import LandmarkCalibration
from lumbar3d.detection.onnx_session import open_session
from lumbar3d.detection.opacity_calibration import OpacityCalibration
from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.detection.result import ViewDetection
from lumbar3d.detector import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.network import opacity_calibration
from lumbar3d.training.network.refiner import TARGET_SIGMA_PX
from lumbar3d.training.network.refiner_samples import CropBlocks
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.simulate import LabelledView, Simulator

FIRST_PATIENT = 600
TRIMMED_SHARE = 0.02
"""Gross errors left out: what is calibrated is the body of the distribution; the fit is robust to the rest."""
CONSISTENCY = 1.0 / (1.0 - TRIMMED_SHARE * np.log(1.0 / TRIMMED_SHARE) / (1.0 - TRIMMED_SHARE))
"""Variance of a two-dimensional Gaussian over that of its part within the trimming ellipse."""
ROUNDS = 4
LEAST_FLOOR_PX2 = 0.05


def uncalibrated() -> dict[str, Any]:
    """A refiner's notes that leave the maps' covariances and the opacities as they are."""
    one = LandmarkCalibration(TARGET_SIGMA_PX**2, np.ones(LANDMARK_COUNT), np.zeros(LANDMARK_COUNT))
    curve = OpacityCalibration.none()
    return {
        "landmark_calibration": {view: one.record() for view in VIEWS},
        "opacity_calibration": {view: curve.record() for view in VIEWS},
    }


def fit(error_px: Array, covariance_px2: Array) -> tuple[float, float]:
    """Most likely ``(scale, floor)`` such that errors have covariance ``scale * covariance + floor * I``.

    Parameters
    ----------
    error_px : (n, 2)
    covariance_px2 : (n, 2, 2)
    """
    kept = np.ones(len(error_px), dtype=bool)
    parameters = np.log([1.0, max(float(np.median(error_px**2)), LEAST_FLOOR_PX2)])
    for _ in range(ROUNDS):
        parameters = minimize(_surprise, parameters, (error_px[kept], covariance_px2[kept]), method="Nelder-Mead").x
        squares = _squares(parameters, error_px, covariance_px2)[0]
        kept = squares <= np.quantile(squares, 1.0 - TRIMMED_SHARE)
    scale, floor = CONSISTENCY * np.exp(parameters)
    return float(scale), max(float(floor), LEAST_FLOOR_PX2)


def _squares(parameters: Array, error_px: Array, covariance_px2: Array) -> tuple[Array, Array]:
    """Squared errors in sigmas, and the determinants."""
    scale, floor = np.exp(parameters)
    full = scale * covariance_px2 + floor * np.eye(2)
    return np.einsum("ni,nij,nj->n", error_px, np.linalg.inv(full), error_px), np.linalg.det(full)


def _surprise(parameters: Array, error_px: Array, covariance_px2: Array) -> float:
    """Mean negative log likelihood."""
    squares, determinants = _squares(parameters, error_px, covariance_px2)
    return float(np.mean(squares + np.log(determinants))) / 2


def stated_covariance_px2(found: ViewDetection) -> Array:
    """Covariances (5, 7, 2, 2) of the landmarks, px^2 of the detection's grid.

    Raises
    ------
    ValueError
        The detector states none.
    """
    if found.landmark_covariance_px2 is None:
        raise ValueError("the detector states no covariance of its landmarks")
    return found.landmark_covariance_px2


def errors(detector: Detector, pair: tuple[LabelledView, LabelledView]) -> dict[str, tuple[Array, Array]]:
    """Landmark errors (5, 7, 2) and stated covariances (5, 7, 2, 2) per view, on the full grid."""
    flips = [flips_to_canonical(view.projection, view.view) for view in pair]
    films = [NetworkView(f.image(v.pixels), v.projection, v.view) for f, v in zip(flips, pair, strict=True)]
    result: dict[str, tuple[Array, Array]] = {}
    for view, flip, found in zip(pair, flips, detector.detect(*films).views, strict=True):
        truth = (flip.points(view.landmarks_px, view.projection) - (GRID_STEP - 1) / 2) / GRID_STEP
        result[view.view] = (found.landmarks_px - truth) * GRID_STEP, stated_covariance_px2(found) * GRID_STEP**2
    return result


def calibrate(measured: dict[str, list[tuple[Array, Array]]]) -> dict[str, Any]:
    """Calibration per view from errors and covariances of many patients."""
    records = {}
    for view, parts in measured.items():
        error, covariance = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        scale, floor = np.ones(LANDMARK_COUNT), np.zeros(LANDMARK_COUNT)
        for kind in LANDMARK_GROUPS.values():
            chosen = list(kind)
            found = fit(error[:, chosen].reshape(-1, 2), covariance[:, chosen].reshape(-1, 2, 2))
            scale[chosen], floor[chosen] = found
        records[view] = LandmarkCalibration(TARGET_SIGMA_PX**2, scale, floor).record()
    return records


def main() -> None:
    """Parse the command line, measure, write the calibration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--coarse", type=Path, required=True, help="training folder of the first network")
    parser.add_argument("--surroundings", type=Path, help="folder with real trunks and pelves; none: all are invented")
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--blocks", type=int, default=4, help="of crops, for the opacities")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    opacities = opacity_calibration.measure(
        open_session(store, "refiner", 1, "cpu"),
        CropBlocks(arguments.coarse, arguments.surroundings),
        arguments.blocks,
    )
    notes = {
        "landmark_calibration": calibrate(_measured(store, arguments.patients)),
        "opacity_calibration": {view: curve.record() for view, curve in opacities.items()},
    }
    arguments.out.write_text(json.dumps(notes, indent=1) + "\n")


def _measured(store: AssetStore, patients: int) -> dict[str, list[tuple[Array, Array]]]:
    """Landmark errors and covariances by view, against the maps themselves, whatever the file says of them already."""
    detector, simulator = Detector.load(store, threads=1), Simulator(load_shape_models(store))
    notes = uncalibrated()["landmark_calibration"]
    detector.calibration = {view: LandmarkCalibration.from_record(one) for view, one in notes.items()}
    measured: dict[str, list[tuple[Array, Array]]] = {"ap": [], "lat": []}
    for seed in HELD_OUT_SEEDS[FIRST_PATIENT : FIRST_PATIENT + patients]:
        try:
            for view, part in errors(detector, simulator.pair(seed)).items():
                measured[view].append(part)
        except RejectedError:
            continue
    return measured


if __name__ == "__main__":
    main()
