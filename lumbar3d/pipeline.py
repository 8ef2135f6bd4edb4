"""The method, one line a step: two radiographs and their calibration to five vertebrae and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

from lumbar3d.artifacts import RESULT
from lumbar3d.bundle import write_bundle
from lumbar3d.contracts import Calibration, ReconstructOptions, Stage
from lumbar3d.detection.network import Detector
from lumbar3d.detection.result import Detection
from lumbar3d.drr.factory import create_projector
from lumbar3d.drr.projector import Projector
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.report import measure
from lumbar3d.provenance import Provenance, describe
from lumbar3d.quality import judge_levels, overall_flag, pair_notes
from lumbar3d.reconstruction import Reconstruction
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.mirrored import mirror_notes, mirrored_ap_log_odds, refuse_mirrored
from lumbar3d.registration.register import register
from lumbar3d.registration.task import FitTask
from lumbar3d.selftest import self_test
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel
from lumbar3d.stages import Progress, StageClock


class Sees(Protocol):
    """What the engine needs of a detector."""

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
    detector : Sees
    projector : Projector
    provenance : Provenance
    constants : RegistrationConstants
    """

    models: Sequence[ShapeModel]
    detector: Sees
    projector: Projector
    provenance: Provenance
    constants: RegistrationConstants = field(default_factory=RegistrationConstants)

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
        progress: Progress | None = None,
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
        progress: Progress,
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
        views, notes = read_pair(paths, calibration)
        clock.enter(Stage.DETECT)
        detection = self.detector.detect(*views)
        views = detection.sources or views
        clock.enter(Stage.INITIALISE)
        mirrored_log_odds = mirrored_ap_log_odds(FitTask(self.models, detection, self.projector, self.constants))
        refuse_mirrored(mirrored_log_odds)
        clock.enter(Stage.REGISTER)
        fit = register(self.models, detection, self.projector, self.constants, options.method, clock.within)
        clock.enter(Stage.MEASURE)
        notes = (*notes, *pair_notes(detection), *mirror_notes(mirrored_log_odds))
        quality = judge_levels(fit)
        flag = overall_flag(quality, notes)
        doubtful = {v.level for v, judged in zip(fit.vertebrae, quality, strict=True) if judged.flag != "ok"}
        measurements = measure(fit.vertebrae, doubtful)
        clock.stop()
        clock.timings_s[Stage.INITIALISE] += fit.timings_s["initialise"]
        clock.timings_s[Stage.REGISTER] = fit.timings_s["fit"] + fit.timings_s["posterior"]
        return Reconstruction(
            calibration=calibration,
            views=views,
            detection=detection,
            registration=fit,
            meshes={vertebra.level: vertebra.mesh_world() for vertebra in fit.vertebrae},
            quality=quality,
            flag=flag,
            measurements=measurements,
            notes=notes,
            provenance=self.provenance,
            timings_s=clock.timings_s,
        )


@cache
def _default_engine() -> Engine:
    return Engine.load()


def reconstruct(
    ap: Path, lat: Path, calibration: Calibration, options: ReconstructOptions | None = None
) -> Reconstruction:
    """``Engine.reconstruct`` with an engine that is loaded on the first call and kept."""
    return _default_engine().reconstruct(ap, lat, calibration, options)
