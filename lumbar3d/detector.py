"""Detector: two networks on a pair of radiographs (ONNX Runtime), and the refusals that are asked between them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from lumbar3d.anatomy import LEVEL_COUNT, LEVELS
from lumbar3d.arrays import Image
from lumbar3d.contracts import VIEWS, ViewName
from lumbar3d.detection.aim import aimed
from lumbar3d.detection.crops import GRID_STEP, Crop, black_crop, paste
from lumbar3d.detection.decode import LevelReading, read_levels, read_mark
from lumbar3d.detection.first_pass import FirstPass, prepare, shrink
from lumbar3d.detection.flip_averaging import looks, merged
from lumbar3d.detection.guided_look import Guide, guided_pass
from lumbar3d.detection.inspection import Inspection, Maps, inspect, look_again, name_together
from lumbar3d.detection.landmark_error_model import LandmarkCalibration
from lumbar3d.detection.naming import Naming
from lumbar3d.detection.onnx_session import CUDA, Device, open_session, run_session
from lumbar3d.detection.opacity_calibration import OpacityCalibration
from lumbar3d.detection.other_view import read_together
from lumbar3d.detection.out_of_distribution import NoveltyScale
from lumbar3d.detection.prompted import holding, read_prompted
from lumbar3d.detection.recognised import of_inspection
from lumbar3d.detection.result import Detection, SacralMark, ViewDetection
from lumbar3d.edits import Prompt
from lumbar3d.errors import AssetError, RejectedError
from lumbar3d.imaging.preprocess import GRID, NetworkView
from lumbar3d.refusal.contradiction import refuse_contradiction
from lumbar3d.refusal.films import is_unsure, refuse_faulty, refuse_truncated, refuse_unfound
from lumbar3d.refusal.lumbar_count import clear_count
from lumbar3d.refusal.names import refuse_doubtful_names
from lumbar3d.refusal.out_of_distribution import refuse_strange
from lumbar3d.refusal.prompts import named_films, refuse_uncountable
from lumbar3d.shape.assets import AssetStore

FILMS_A_RUN = 2
"""Films that the first network sees in one run: more at once save no time on a CPU and take 30 MB each."""
LEAST_OPACITY = 0.05
"""Below it (1.4 mm of bone) the first network's opacity is as likely noise."""


class Detector:
    """Both networks, loaded once; ``detect`` may be called from one thread at a time.

    Attributes
    ----------
    providers : tuple of str
        What ONNX Runtime really runs both networks on: without CUDA where one of them has fallen back to the CPU.
    calibration : mapping of str to LandmarkCalibration
        By view: how far the refiner's maps are to be believed.
    opacity_calibration : mapping of str to OpacityCalibration
        By view: what its opacities mean.
    """

    def __init__(self, network: Any, refiner: Any) -> None:
        self._network, self._refiner = network, refiner
        self.providers = tuple(name for name in network.get_providers() if name in refiner.get_providers())
        try:
            notes = _metadata(refiner)
            self.calibration: dict[str, LandmarkCalibration] = {
                view: LandmarkCalibration.from_record(notes["landmark_calibration"][view]) for view in VIEWS
            }
            self.opacity_calibration: dict[str, OpacityCalibration] = {
                view: OpacityCalibration.from_record(notes["opacity_calibration"][view]) for view in VIEWS
            }
        except (KeyError, TypeError, ValueError) as error:
            raise AssetError("the refiner network lacks its tables of landmark errors and of opacities") from error
        try:
            notes = _metadata(network)["novelty"]
            self._novelty = {view: NoveltyScale.from_record(notes[view]) for view in VIEWS}
        except (KeyError, TypeError, ValueError) as error:
            raise AssetError("the first network lacks its record of what films are like") from error

    @classmethod
    def load(cls, store: AssetStore, threads: int = 0, device: Device = "auto") -> Detector:
        """Open the assets ``network`` and ``refiner``; on CUDA run both once, so that no job pays for the first run.

        Parameters
        ----------
        store : AssetStore
        threads : int
            Of one operator on the CPU; 0 lets ONNX Runtime choose.
        device : {"auto", "cpu", "gpu"}
            "gpu": both networks have to run on CUDA.

        Raises
        ------
        AssetError
            A file is missing, changed or not a network.
        DeviceError
            ``device`` is "gpu" and one of them does not run on CUDA, or CUDA fails.
        """
        network, refiner = (open_session(store, name, threads, device) for name in ("network", "refiner"))
        detector = cls(network, refiner)
        if CUDA in detector.providers:
            detector.warm_up()
        return detector

    def warm_up(self) -> None:
        """Run both networks on black films in a clear pair's sizes: CUDA searches kernels at the first of each.

        Raises
        ------
        DeviceError
            ONNX Runtime failed.
        """
        codes = np.array([[0.0, 1.0], [1.0, 1.0]], dtype=np.float32)
        side = GRID.size_px // GRID_STEP
        self._run_network(np.zeros((FILMS_A_RUN, side, side), dtype=np.float32), codes)
        self._run_refiner([black_crop(codes[0], level) for level in range(LEVEL_COUNT)])

    def detect(self, ap: NetworkView, lat: NetworkView, *, prompts: Sequence[Prompt] = ()) -> Detection:
        """Decomposition images and landmarks of L1 .. L5 in both views; of L1 .. L4 in people with four.

        Parameters
        ----------
        ap, lat : NetworkView
        prompts : sequence of Prompt
            One a view at most, of views that know their films: vertebrae that somebody has pointed out. They are
            looked for where they are, all others are named after them, and doubt of a name is no reason to refuse;
            levels that a film does not show are left out.

        Raises
        ------
        RejectedError
            The views do not show the lumbar vertebrae completely, contradict each other, or are like no film of
            training; its subclasses say which, and it holds what was recognised.
        RevisionError
            A prompt lies between two vertebrae or off its film.
        DeviceError
            ONNX Runtime failed.
        """
        pointed = {prompt.view: prompt for prompt in prompts}
        inspected: Sequence[Inspection] = self.inspect([ap, lat], pointed)
        naming = name_together(*inspected)
        try:
            if pointed:
                return self._prompted(inspected, pointed)
            inspected = self._accepted(inspected, naming)
        except RejectedError as error:
            error.recognised = of_inspection(inspected, naming)
            raise
        guesses = [each.guess for each in inspected]
        refined_ap, refined_lat = self.refine(guesses)
        sources, levels = (guesses[0].view.source, guesses[1].view.source), LEVELS[: len(refined_ap.confidence)]
        return Detection(ap=refined_ap, lat=refined_lat, naming=naming, sources=sources, levels=levels)

    def third_look(self, found: Detection, guides: Sequence[Guide]) -> Detection:
        """Opacities and landmarks redrawn around what was fitted; names, confidence and novelty stay.

        Parameters
        ----------
        found : Detection
            By this detector, with its ``sources``.
        guides : sequence of Guide
            Of AP and LAT.

        Raises
        ------
        DeviceError
            ONNX Runtime failed.
        """
        assert found.sources is not None  # ``detect`` has stated them
        seen = zip(found.sources, found.views, guides, strict=True)
        redrawn = self.refine([guided_pass(*parts) for parts in seen])
        ap, lat = (
            replace(new, novelty=old.novelty, sacral_mark=old.sacral_mark)
            for new, old in zip(redrawn, found.views, strict=True)
        )
        return replace(found, ap=ap, lat=lat)

    def _prompted(self, inspected: Sequence[Inspection], pointed: Mapping[ViewName, Prompt]) -> Detection:
        """The levels that both films show, found and named by prompts; what only a prompt has found, twice."""
        refuse_faulty(inspected, self.look)
        refuse_uncountable(inspected, pointed)
        read = named_films(read_prompted(inspected, pointed), pointed)
        guesses, rows = [each.guess for each in read], np.flatnonzero(read[0].found & read[1].found)
        ap_rays, lat_rays = ((origins[rows], ways[rows]) for origins, ways in (each.centre_rays() for each in guesses))
        refuse_contradiction([ap_rays, lat_rays])
        for guess in guesses:
            refuse_strange(guess.view.source.view, self.novelty(guess))
        ap, lat = self.refine(guesses)
        found = Detection(ap, lat, sources=(guesses[0].view.source, guesses[1].view.source))
        if any(each.placed.any() for each in read):
            found = self.third_look(found, [Guide(view.decomposition, view.landmarks_px) for view in found.views])
        ap, lat = (view.of_rows(rows.tolist()) for view in found.views)
        return replace(found, ap=ap, lat=lat, levels=tuple(LEVELS[row] for row in rows))

    def _accepted(self, inspected: Sequence[Inspection], naming: Naming) -> Sequence[Inspection]:
        """Films as both tell them together, past every reason not to answer that the first network's looks give."""
        refuse_faulty(inspected, self.look)
        # Of six lumbar vertebrae the upper five: the networks draw no L6.
        count = min(clear_count(naming), LEVEL_COUNT)
        inspected = [replace(each, guess=each.guess.of_first(count)) for each in inspected]
        refuse_truncated(inspected)
        inspected = read_together(inspected, is_unsure)
        refuse_unfound(inspected)
        guesses = [each.guess for each in inspected]
        refuse_contradiction([guess.centre_rays() for guess in guesses])
        refuse_doubtful_names(inspected, naming)
        for guess in guesses:
            refuse_strange(guess.view.source.view, self.novelty(guess))
        return inspected

    def inspect(
        self, sources: Sequence[NetworkView], pointed: Mapping[ViewName, Prompt] = MappingProxyType({})
    ) -> list[Inspection]:
        """Several looks at the column of each film, where a prompt is if there is one; before anything is refused."""
        guesses = aimed(sources, self.first_look)
        moved = [holding(guess, pointed.get(guess.view.source.view)) for guess in guesses]
        guesses = [
            guess if view is None else self.first_look([view])[0] for guess, view in zip(guesses, moved, strict=True)
        ]
        return look_again(inspect(guesses, self._answer), self._answer, is_unsure)

    def _answer(self, films: Image, codes: Image) -> list[Maps]:
        """All outputs of the first network, film by film."""
        return [(o, h, v, f) for o, h, v, f in zip(*self._run_network(films, codes), strict=True)]

    def first_look(self, sources: Sequence[NetworkView]) -> list[FirstPass]:
        """First pass of some films in one run, before anything is refused."""
        views = [prepare(source) for source in sources]
        films, codes = np.stack([view.film for view in views]), np.stack([view.code for view in views])
        opacity, heatmap, votes, features = self._run_network(films, codes)
        readings = [read_levels(*maps) for maps in zip(heatmap, votes, strict=True)]
        return [FirstPass(*parts) for parts in zip(views, opacity, readings, features, heatmap, votes, strict=True)]

    def look(self, films: Image, codes: Image) -> list[LevelReading]:
        """Readings of any films (n, 256, 256) by the first network."""
        _, heatmap, votes, _ = self._run_network(films, codes)
        return [read_levels(*maps) for maps in zip(heatmap, votes, strict=True)]

    def _run_network(self, films: Image, codes: Image) -> list[Image]:
        """Opacity, heatmaps, votes and features of films (n, 256, 256), a few in a run."""
        parts = [slice(first, first + FILMS_A_RUN) for first in range(0, len(films), FILMS_A_RUN)]
        runs = [run_session(self._network, {"image": films[part][:, None], "view": codes[part]}) for part in parts]
        return [np.concatenate(outputs) for outputs in zip(*runs, strict=True)]

    def novelty(self, guess: FirstPass) -> float:
        """Out-of-distribution score of a film."""
        return float(self._novelty[guess.view.source.view].score(guess.features))

    def refine(self, guesses: Sequence[FirstPass]) -> list[ViewDetection]:
        """Landmarks and decomposition images of some films by the second network, a run each: memory is for one."""
        crops = [guess.crops() for guess in guesses]
        return [self._finish(guess, own, self._run_refiner(own)) for guess, own in zip(guesses, crops, strict=True)]

    def _run_refiner(self, crops: list[Crop]) -> list[Image]:
        """Opacity (n, 160, 160), position (n, 7, 2) and covariance (n, 7, 2, 2) of all crops in one run."""
        shown = looks(crops)
        inputs = {name: np.stack([getattr(crop, name) for crop in shown]) for name in ("film", "guide", "code")}
        return merged(run_session(self._refiner, inputs), crops)

    def _finish(self, guess: FirstPass, crops: list[Crop], refined: list[Image]) -> ViewDetection:
        """Put the crops together and turn everything back to the caller's orientation, on the half grid."""
        drawn, position, covariance = refined
        opacity = self.opacity_calibration[guess.view.source.view].of(drawn)
        view, projection, step = guess.view, guess.view.source.projection, GRID_STEP
        landmarks = position + np.stack([crop.origin_px for crop in crops])[:, None]
        calibrated = self.calibration[view.source.view].covariance_px2(covariance) / step**2
        signs = np.array([-1.0 if view.flips.columns else 1.0, -1.0 if view.flips.rows else 1.0])
        return ViewDetection(
            projection=projection.downsampled(step),
            decomposition=view.flips.image(_assemble(crops, opacity, guess.opacity)),
            landmarks_px=(view.flips.points(landmarks, projection) - (step - 1) / 2) / step,
            landmark_sigma_px=np.sqrt(np.trace(calibrated, axis1=-2, axis2=-1) / 2),
            confidence=guess.reading.confidence,
            landmark_covariance_px2=calibrated * signs[:, None] * signs,
            novelty=self.novelty(guess) if guess.features.size else None,
            sacral_mark=_sacral_mark(guess) if guess.heatmap.size else None,
        )


def _sacral_mark(guess: FirstPass) -> SacralMark:
    place, heat = read_mark(guess.heatmap, "S1")
    view, step = guess.view, GRID_STEP
    full = view.flips.points(place * step + (step - 1) / 2, view.source.projection)
    return SacralMark((full - (step - 1) / 2) / step, heat)


def _metadata(session: Any) -> dict[str, Any]:
    """What training has written into a network's file.

    Raises
    ------
    KeyError, ValueError
        There is nothing, or it is no JSON.
    """
    notes: dict[str, Any] = json.loads(session.get_modelmeta().custom_metadata_map["lumbar3d"])
    return notes


def _assemble(crops: list[Crop], opacity: Image, coarse: Image) -> Image:
    """(5, rows / 2, columns / 2): each level from its own crop, on the half grid; outside, clear first guesses."""
    whole = np.where(coarse > LEAST_OPACITY, coarse, np.float32(0.0))
    for image, crop, part in zip(whole, crops, opacity, strict=True):
        paste(image, shrink(part), crop.origin_px / GRID_STEP)
    return whole
