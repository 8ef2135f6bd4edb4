"""Run the two networks on a pair of radiographs (ONNX Runtime)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import VIEWS
from lumbar3d.detection.crops import LEVEL_COUNT, crop_codes, crop_origin, cut
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

GRID_STEP = 2
"""The first network sees the grid averaged over this many pixels each way."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """One view in canonical orientation."""

    source: NetworkView
    flips: Flips
    pixels: Image
    code: Image


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
            notes = json.loads(refiner.get_modelmeta().custom_metadata_map["lumbar3d"])
            self._sigma_px = {view: np.array(notes["landmark_sigma_px"][view]) for view in VIEWS}
        except (KeyError, ValueError) as error:
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
        views = [_prepare(ap), _prepare(lat)]
        opacity, heatmap, votes = self._run_network(views)
        readings = [read_levels(heatmap[k], votes[k]) for k in range(2)]
        for view, reading in zip(views, readings, strict=True):
            refuse_unsure(view.source.view, reading)
        refuse_contradiction([self._centre_rays(*parts) for parts in zip(views, readings, strict=True)])
        found = [self._finish(*parts) for parts in zip(views, readings, opacity, strict=True)]
        return Detection(ap=found[0], lat=found[1])

    def _run_network(self, views: list[_Prepared]) -> list[Image]:
        step = GRID_STEP
        rows, columns = (size // step for size in views[0].pixels.shape)
        shrunk = [view.pixels.reshape(rows, step, columns, step).mean(axis=(1, 3)) for view in views]
        return run_session(
            self._network, {"image": np.stack(shrunk)[:, None], "view": np.stack([v.code for v in views])}
        )

    @staticmethod
    def _centre_rays(view: _Prepared, reading: LevelReading) -> tuple[Array, Array]:
        """World origins and directions (5, 3) of the rays through the centres of the vertebrae."""
        projection = view.source.projection
        centres = reading.centres_px * GRID_STEP + (GRID_STEP - 1) / 2
        return projection.rays(view.flips.points(centres, projection))

    def _finish(self, view: _Prepared, reading: LevelReading, opacity: Image) -> ViewDetection:
        """Refine the landmarks and turn everything back to the caller's orientation, on the network's input grid."""
        step, projection = GRID_STEP, view.source.projection
        landmarks, spread = self._refine(view, reading.landmarks_px * step + (step - 1) / 2)
        sigma = np.maximum(self._sigma_px[view.source.view], 0.5 * spread)
        return ViewDetection(
            projection=projection.downsampled(step),
            decomposition=view.flips.image(opacity),
            landmarks_px=(view.flips.points(landmarks, projection) - (step - 1) / 2) / step,
            landmark_sigma_px=sigma / step,
            confidence=reading.confidence,
        )

    def _refine(self, view: _Prepared, landmarks_px: Array) -> tuple[Array, Array]:
        """Landmarks (5, 7, 2) and their spread (5, 7) on the full grid, from a crop around each vertebra."""
        origins = np.stack([crop_origin(level) for level in landmarks_px])
        crops = np.stack([cut(view.pixels, origin) for origin in origins])[:, None]
        codes = np.stack([crop_codes(view.code, level) for level in range(LEVEL_COUNT)])
        position, spread = run_session(self._refiner, {"crop": crops, "code": codes})
        return position + origins[:, None], spread.astype(np.float64)
