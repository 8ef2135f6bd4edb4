"""Run the two networks on a pair of radiographs (ONNX Runtime)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import VIEWS
from lumbar3d.detection.calibration import LandmarkCalibration
from lumbar3d.detection.crops import GRID_STEP, LEVEL_COUNT, Crop, make_crop, paste
from lumbar3d.detection.decode import LevelReading, read_levels
from lumbar3d.detection.orientation import Flips, flips_to_canonical, view_code
from lumbar3d.detection.refusal import refuse_contradiction, refuse_unsure
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.detection.session import open_session, run_session
from lumbar3d.errors import AssetError
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.shape.assets import AssetStore

Array = NDArray[np.float64]
Image = NDArray[np.float32]

LEAST_OPACITY = 0.05
"""Below it (1.4 mm of bone) the first network's opacity is as likely noise."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """One view in canonical orientation."""

    source: NetworkView
    flips: Flips
    pixels: Image
    code: Image


@dataclass(frozen=True, eq=False)
class _Guess:
    """One view and what the first network says of it: opacity (5, rows / 2, columns / 2) and the levels."""

    view: _Prepared
    opacity: Image
    reading: LevelReading

    def crops(self) -> list[Crop]:
        """One per level."""
        landmarks = self.reading.landmarks_px * GRID_STEP + (GRID_STEP - 1) / 2
        parts = self.view.pixels, self.opacity, self.view.code
        return [make_crop(*parts, level, landmarks[level]) for level in range(LEVEL_COUNT)]


def _prepare(view: NetworkView) -> _Prepared:
    flips = flips_to_canonical(view.projection, view.view)
    return _Prepared(view, flips, flips.image(view.pixels), view_code(view.projection, view.view))


class Detector:
    """Both networks, loaded once; ``detect`` may be called from one thread at a time.

    Attributes
    ----------
    providers : tuple of str
        What ONNX Runtime really runs on.
    """

    def __init__(self, network: Any, refiner: Any) -> None:
        self._network, self._refiner = network, refiner
        self.providers = tuple(network.get_providers())
        try:
            notes = json.loads(refiner.get_modelmeta().custom_metadata_map["lumbar3d"])["landmark_calibration"]
            self._calibration = {view: LandmarkCalibration.from_record(notes[view]) for view in VIEWS}
        except (KeyError, TypeError, ValueError) as error:
            raise AssetError("the refiner network lacks its table of landmark errors") from error

    @classmethod
    def load(cls, store: AssetStore, threads: int = 0) -> Detector:
        """Open the assets ``network`` and ``refiner``.

        Parameters
        ----------
        store : AssetStore
        threads : int
            Of one operator on the CPU; 0 lets ONNX Runtime choose.

        Raises
        ------
        AssetError
            A file is missing, changed or not a network.
        """
        return cls(open_session(store, "network", threads), open_session(store, "refiner", threads))

    def detect(self, ap: NetworkView, lat: NetworkView) -> Detection:
        """Decomposition images and landmarks of L1 .. L5 in both views.

        Raises
        ------
        RejectedError
            The levels were not found in a view, or the two views contradict each other.
        DeviceError
            ONNX Runtime failed.
        """
        guesses = self._guess([_prepare(ap), _prepare(lat)])
        for guess in guesses:
            refuse_unsure(guess.view.source.view, guess.reading)
        refuse_contradiction([self._centre_rays(guess.view, guess.reading) for guess in guesses])
        crops = [guess.crops() for guess in guesses]
        refined = self._run_refiner([crop for part in crops for crop in part])
        found = []
        for k, guess in enumerate(guesses):
            own = slice(k * LEVEL_COUNT, (k + 1) * LEVEL_COUNT)
            found.append(self._finish(guess, crops[k], [output[own] for output in refined]))
        return Detection(ap=found[0], lat=found[1])

    def _guess(self, views: list[_Prepared]) -> list[_Guess]:
        """Run the first network on both views at once."""
        films = np.stack([_shrink(view.pixels) for view in views])[:, None]
        outputs = run_session(self._network, {"image": films, "view": np.stack([view.code for view in views])})
        return [
            _Guess(view, opacity, read_levels(heatmap, votes))
            for view, opacity, heatmap, votes in zip(views, *outputs, strict=True)
        ]

    def _run_refiner(self, crops: list[Crop]) -> list[Image]:
        """Opacity (n, 160, 160), position (n, 7, 2) and covariance (n, 7, 2, 2) of all crops in one run."""
        names = ("film", "guide", "code")
        return run_session(self._refiner, {name: np.stack([getattr(crop, name) for crop in crops]) for name in names})

    @staticmethod
    def _centre_rays(view: _Prepared, reading: LevelReading) -> tuple[Array, Array]:
        """World origins and directions (5, 3) of the rays through the centres of the vertebrae."""
        projection = view.source.projection
        centres = reading.centres_px * GRID_STEP + (GRID_STEP - 1) / 2
        return projection.rays(view.flips.points(centres, projection))

    def _finish(self, guess: _Guess, crops: list[Crop], refined: list[Image]) -> ViewDetection:
        """Put the crops together and turn everything back to the caller's orientation, on the half grid."""
        opacity, position, covariance = refined
        view, projection, step = guess.view, guess.view.source.projection, GRID_STEP
        landmarks = position + np.stack([crop.origin_px for crop in crops])[:, None]
        calibrated = self._calibration[view.source.view].covariance_px2(covariance) / step**2
        signs = np.array([-1.0 if view.flips.columns else 1.0, -1.0 if view.flips.rows else 1.0])
        return ViewDetection(
            projection=projection.downsampled(step),
            decomposition=view.flips.image(_assemble(crops, opacity, guess.opacity)),
            landmarks_px=(view.flips.points(landmarks, projection) - (step - 1) / 2) / step,
            landmark_sigma_px=np.sqrt(np.trace(calibrated, axis1=-2, axis2=-1) / 2),
            confidence=guess.reading.confidence,
            landmark_covariance_px2=calibrated * signs[:, None] * signs,
        )


def _assemble(crops: list[Crop], opacity: Image, coarse: Image) -> Image:
    """(5, rows / 2, columns / 2): each level from its own crop, on the half grid; outside, clear first guesses."""
    whole = np.where(coarse > LEAST_OPACITY, coarse, np.float32(0.0))
    for image, crop, part in zip(whole, crops, opacity, strict=True):
        paste(image, _shrink(part), crop.origin_px / GRID_STEP)
    return whole


def _shrink(image: Image) -> Image:
    """Mean over ``GRID_STEP`` x ``GRID_STEP`` pixels."""
    rows, columns = (length // GRID_STEP for length in image.shape)
    return np.asarray(image.reshape(rows, GRID_STEP, columns, GRID_STEP).mean(axis=(1, 3)))
