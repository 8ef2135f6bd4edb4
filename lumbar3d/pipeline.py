"""Pipeline: the method, one line a step, from two radiographs and their calibration to five vertebrae and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, Protocol

from lumbar3d.artifacts import RESULT
from lumbar3d.bundle import write_bundle
from lumbar3d.contracts import Calibration, EngineName, ReconstructOptions, Stage
from lumbar3d.detection.result import Detection
from lumbar3d.detector import Detector
from lumbar3d.drr.factory import create_projector
from lumbar3d.drr.projector import Projector
from lumbar3d.engines.protocol import FoundPair, SpineEngine
from lumbar3d.engines.shape_fit import ShapeFit
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.report import measure
from lumbar3d.provenance import Provenance, describe
from lumbar3d.quality import doubtful_levels, judge_levels, overall_flag, pair_notes, room_notes
from lumbar3d.reconstruction import Reconstruction
from lumbar3d.refusal.laterality import laterality_notes, mirrored_ap_log_odds, refuse_mirrored
from lumbar3d.refusal.verdict import refuse_unsupported
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import Landmarks, triangulate_landmarks
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.room_refinement import seen_in_room, shown_in_room
from lumbar3d.registration.rough_fits import mirrored_log_ratios
from lumbar3d.selftest import self_test
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel
from lumbar3d.stages import StageClock, StageProgress


class SupportsDetect(Protocol):
    """Detector protocol, as the engine needs it."""

    def detect(self, ap: NetworkView, lat: NetworkView) -> Detection:
        """Find the five vertebrae in both views."""
        ...


@dataclass(frozen=True, eq=False)
class Engine:
    """Everything that is loaded once per process.

    Attributes
    ----------
    models : sequence of ShapeModel
        L1..L5.
    detector : SupportsDetect
    projector : Projector
    provenance : Provenance
    constants : RegistrationConstants
    """

    models: Sequence[ShapeModel]
    detector: SupportsDetect
    projector: Projector
    provenance: Provenance
    constants: RegistrationConstants = field(default_factory=RegistrationConstants)

    @cached_property
    def engines(self) -> Mapping[EngineName, SpineEngine]:
        """Engines that ``options.engine`` chooses from."""
        return {"shape_model": ShapeFit(self.models, self.projector, self.constants)}

    @classmethod
    def load(cls, assets_dir: Path | None = None, device: Literal["auto", "cpu", "gpu"] = "auto") -> Engine:
        """Check and load all assets, compile all kernels, reconstruct a test spine.

        Parameters
        ----------
        assets_dir : Path, optional
            Default: ``LUMBAR3D_ASSETS`` or the ``ssm_assets`` folder beside the package.
        device : {"auto", "cpu", "gpu"}
            What the projector runs on.

        Raises
        ------
        AssetError
            A file is missing or does not match its checksum.
        DeviceError
            ``device`` is "gpu" and there is none, or the device fails its self-test.
        """
        store = AssetStore.open(assets_dir)
        models, detector, projector = load_shape_models(store), Detector.load(store), create_projector(device)
        self_test(models, projector)
        constants = RegistrationConstants()
        provenance = describe(store, detector.providers, projector, constants)
        return cls(models, detector, projector, provenance, constants)

    def reconstruct(
        self,
        ap: Path,
        lat: Path,
        calibration: Calibration,
        options: ReconstructOptions | None = None,
        progress: StageProgress | None = None,
    ) -> Reconstruction:
        """Reconstruct L1..L5 from a calibrated pair of radiographs.

        Parameters
        ----------
        ap, lat : Path
            Of a format that ``docs/formats.md`` lists.
        calibration : Calibration
        options : ReconstructOptions, optional
        progress : callable, optional
            Called with the stage and the overall progress, 0-1, which never falls.

        Raises
        ------
        InputError
            Calibration or images cannot be used.
        RejectedError
            The images were read but cannot be answered honestly.
        EngineError
            Our side failed.
        """
        return self._reconstruct((ap, lat), calibration, options or ReconstructOptions(), StageClock(progress))

    def run(
        self,
        ap_path: Path,
        lat_path: Path,
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress: StageProgress,
    ) -> None:
        """Reconstruct and write what a job delivers (``artifacts``) into an existing, empty folder.

        Raises what ``reconstruct`` raises.
        """
        clock = StageClock(progress)
        reconstruction = self._reconstruct((ap_path, lat_path), calibration, options, clock)
        clock.enter(Stage.EXPORT)
        write_bundle(reconstruction, out_dir, self.projector)
        clock.within(1.0)
        clock.stop()
        (out_dir / RESULT.file).write_text(reconstruction.to_result().model_dump_json())

    def _reconstruct(
        self, paths: tuple[Path, Path], calibration: Calibration, options: ReconstructOptions, clock: StageClock
    ) -> Reconstruction:
        clock.enter(Stage.READ)
        views, file_notes = read_pair(paths, calibration)
        clock.enter(Stage.DETECT)
        detection = self.detector.detect(*views)
        views = detection.sources or views
        clock.enter(Stage.INITIALISE)
        landmarks = triangulate_landmarks(detection, self.constants)
        mirrored_log_odds = self._mirrored_log_odds(detection, landmarks)
        refuse_mirrored(mirrored_log_odds)
        clock.enter(Stage.REGISTER)
        engine = self.engines[options.engine]
        spine = engine.reconstruct(FoundPair(views, detection, landmarks), options, clock.within)
        if spine.room is not None:
            detection, views = seen_in_room(detection, spine.room.error), shown_in_room(views, spine.room.error)
        clock.enter(Stage.MEASURE)
        quality = judge_levels(spine)
        refuse_unsupported(quality)
        doubts = (*pair_notes(detection), *room_notes(spine), *laterality_notes(mirrored_log_odds))
        notes = tuple(dict.fromkeys((*file_notes, *doubts)))
        measurements = measure(
            spine.vertebrae, doubtful_levels([vertebra.level for vertebra in spine.vertebrae], quality)
        )
        clock.stop()
        return Reconstruction(
            calibration=calibration,
            views=views,
            detection=detection,
            registration=spine,
            meshes={vertebra.level: vertebra.mesh_world() for vertebra in spine.vertebrae},
            quality=quality,
            flag=overall_flag(quality, notes),
            measurements=measurements,
            notes=notes,
            provenance=self.provenance,
            engine=options.engine,
            timings_s=clock.timings_s,
        )

    def _mirrored_log_odds(self, detection: Detection, landmarks: Landmarks) -> float:
        """Laterality test: log odds that the AP film was mirrored."""
        task = FitProblem(self.models, detection, self.projector, self.constants)
        return mirrored_ap_log_odds(detection, partial(mirrored_log_ratios, task, landmarks))
