"""Pipeline: the method, one line a step, from two radiographs and their calibration to five vertebrae and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, Protocol

from lumbar3d import kept_fit
from lumbar3d.anatomy import LEVELS
from lumbar3d.artifacts import FIT
from lumbar3d.bundle import Before
from lumbar3d.contracts import Calibration, EngineName, LevelQuality, ReconstructOptions, Stage
from lumbar3d.delivery import deliver
from lumbar3d.detection.guided_look import Guide
from lumbar3d.detection.recognised import Recognised, of_detection, refusals_with
from lumbar3d.detection.result import Detection
from lumbar3d.detector import Detector
from lumbar3d.drr.factory import create_projector
from lumbar3d.drr.projector import Projector
from lumbar3d.edits import ChangeFilms, Edit, Prompt, Rerun, SetHips
from lumbar3d.engines.protocol import FoundPair, SpineEngine
from lumbar3d.engines.shape_fit import ShapeFit
from lumbar3d.errors import RejectedError
from lumbar3d.evidence import copy_evidence, kept_pair, kept_views, write_evidence
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.report import measure, measured_spine
from lumbar3d.measurement.stated_errors import StatedErrors
from lumbar3d.provenance import Provenance, describe
from lumbar3d.quality import (
    EDITED,
    JUDGED_HERE,
    doubtful_levels,
    judge_levels,
    overall_flag,
    pair_notes,
    room_notes,
    stance_notes,
    worse_of,
)
from lumbar3d.reconstruction import Reconstruction, believed_room
from lumbar3d.refusal.laterality import laterality_notes, mirrored_ap_log_odds, refuse_mirrored
from lumbar3d.refusal.verdict import refuse_unsupported
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.guides import guides
from lumbar3d.registration.initialise import Landmarks, triangulate_landmarks
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room_refinement import in_believed_room
from lumbar3d.registration.rough_fits import mirrored_log_ratios
from lumbar3d.revision import Draft, edited
from lumbar3d.sacrum.hips import place_hips
from lumbar3d.sacrum.locate import find_sacrum
from lumbar3d.selftest import self_test
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel
from lumbar3d.stages import StageClock, StageProgress

FIRST_FIT = 0.6
"""Share of the first fit in the time of both and the look between them."""


class SupportsDetect(Protocol):
    """Detector protocol, as the engine needs it."""

    def detect(self, ap: NetworkView, lat: NetworkView, *, prompts: Sequence[Prompt] = ()) -> Detection:
        """Find the five vertebrae in both views; with prompts, those that both show."""
        ...

    def third_look(self, found: Detection, guides: Sequence[Guide]) -> Detection:
        """Redraw them guided by what was fitted; asked where the detection names its ``sources``."""
        ...


ReadPair = tuple[tuple[NetworkView, NetworkView], tuple[str, ...]]
"""Network views of both films, and notes on them."""


@dataclass(frozen=True, eq=False)
class Case:
    """What was asked about one pair; ``prompts`` are what somebody says of it."""

    calibration: Calibration
    options: ReconstructOptions
    clock: StageClock
    prompts: Sequence[Prompt] = ()


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
    stated_errors : StatedErrors
        Of numbers from films that these networks have read.
    """

    models: Sequence[ShapeModel]
    detector: SupportsDetect
    projector: Projector
    provenance: Provenance
    constants: RegistrationConstants = field(default_factory=RegistrationConstants)
    stated_errors: StatedErrors = field(default_factory=StatedErrors)

    @cached_property
    def shape_fit(self) -> ShapeFit:
        """The engine whose fits are kept and revised."""
        return ShapeFit(self.models, self.projector, self.constants)

    @cached_property
    def engines(self) -> Mapping[EngineName, SpineEngine]:
        """Engines that ``options.engine`` chooses from."""
        return {"shape_model": self.shape_fit}

    @classmethod
    def load(cls, assets_dir: Path | None = None, device: Literal["auto", "cpu", "gpu"] = "auto") -> Engine:
        """Check and load all assets, compile all kernels, reconstruct a test spine.

        Parameters
        ----------
        assets_dir : Path, optional
            Default: ``LUMBAR3D_ASSETS`` or the ``ssm_assets`` folder beside the package.
        device : {"auto", "cpu", "gpu"}
            What the networks and the projector run on.

        Raises
        ------
        AssetError
            A file is missing or does not match its checksum.
        DeviceError
            ``device`` is "gpu" and a network or the projector cannot use one, or the device fails its self-test.
        """
        store = AssetStore.open(assets_dir)
        models, detector, projector = (
            load_shape_models(store),
            Detector.load(store, device=device),
            create_projector(device),
        )
        self_test(models, projector)
        constants = RegistrationConstants()
        provenance = describe(store, detector.providers, projector, constants)
        return cls(models, detector, projector, provenance, constants, StatedErrors.load(store))

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
        clock = StageClock(progress)
        clock.enter(Stage.READ)
        case = Case(calibration, options or ReconstructOptions(), clock)
        return self._reconstruct(read_pair((ap, lat), calibration), case)

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

        Raises what ``reconstruct`` raises; of a pair that is refused the films and what was recognised are written.
        """
        clock = StageClock(progress)
        clock.enter(Stage.READ)
        self._run(read_pair((ap_path, lat_path), calibration), Case(calibration, options, clock), out_dir)

    def revise(
        self,
        base_dir: Path,
        edits: Sequence[Edit],
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress: StageProgress,
    ) -> None:
        """Write what a job delivers, of a result with these edits (``edits``).

        Films and prompts run everything again; else the levels that were touched are fitted again, from where they
        were and without the networks.

        Parameters
        ----------
        base_dir : Path
            What ``run`` or ``revise`` wrote.
        edits : sequence of Edit
        calibration, options
            Of the first run.
        out_dir : Path
            Existing and empty.
        progress : callable

        Raises
        ------
        RevisionError
            The edits do not fit what they change.
        InputError, RejectedError, EngineError
            As ``reconstruct``.
        """
        clock = StageClock(progress)
        prompts = [edit for edit in edits if isinstance(edit, Prompt)]
        case = Case(calibration, options, clock, prompts)
        if isinstance(edits[0], Rerun):
            clock.enter(Stage.READ)
            change = next((edit for edit in edits if isinstance(edit, ChangeFilms)), None)
            return self._run(kept_pair(base_dir, change, calibration), case, out_dir)
        clock.enter(Stage.REGISTER)
        kept = kept_fit.load(base_dir / FIT, calibration, self.models)
        draft = edited(kept, edits, build_geometry(calibration))
        revised = self._refitted(draft, kept_views(base_dir, kept.grids, draft.room.seen_from_behind), case)
        found = of_detection(revised.detection, revised.room)
        evidence, before = partial(copy_evidence, base_dir, found, out_dir), Before(base_dir, draft.unmoved())
        deliver(revised, out_dir, self.projector, clock, evidence, before)

    def _run(self, pair: ReadPair, case: Case, out_dir: Path) -> None:
        try:
            reconstruction = self._reconstruct(pair, case)
        except RejectedError as error:
            write_evidence(pair[0], error.recognised if isinstance(error.recognised, Recognised) else None, out_dir)
            raise
        found, views = of_detection(reconstruction.detection, reconstruction.room), reconstruction.views
        evidence = partial(write_evidence, views, found, out_dir)
        deliver(reconstruction, out_dir, self.projector, case.clock, evidence)

    def _reconstruct(self, pair: ReadPair, case: Case) -> Reconstruction:
        """The method, a line a step; initial poses, optimisation and posterior are the engine's (``engines``)."""
        (views, file_notes), clock = pair, case.clock
        clock.enter(Stage.DETECT)
        detection = self.detector.detect(*views, prompts=case.prompts)
        views = detection.sources or views
        with refusals_with(of_detection(detection, build_geometry(case.calibration))):
            clock.enter(Stage.INITIALISE)
            landmarks = triangulate_landmarks(detection, self.constants)
            mirrored_log_odds = self._mirrored_log_odds(detection, landmarks)
            refuse_mirrored(mirrored_log_odds)
            clock.enter(Stage.REGISTER)
            engine, pair_found = self.engines[case.options.engine], FoundPair(views, detection, landmarks)
            spine = engine.reconstruct(pair_found, case.options, lambda done: clock.within(FIRST_FIT * done))
            detection, views = in_believed_room(detection, views, spine.room_error)
            unguided, doubts = judge_levels(spine), (*pair_notes(detection), *room_notes(spine))
            refuse_unsupported(unguided)
            detection, spine = self._third_look(FoundPair(views, detection, landmarks), spine, case)
            stance, sides = stance_notes(spine, detection), laterality_notes(mirrored_log_odds)
            notes = (*file_notes, *doubts, *stance, *sides, *((EDITED,) if case.prompts else ()))
            return self._judged(spine, FoundPair(views, detection, landmarks), notes, case, unguided)

    def _third_look(self, pair: FoundPair, spine: Registration, case: Case) -> tuple[Detection, Registration]:
        """The networks' third look, guided by the fit, and the fit of what it shows; the room stays as first judged."""
        found = pair.detection
        if not _may_look_again(found, case):
            return found, spine
        detection = self.detector.third_look(found, guides(spine.vertebrae, found, self.projector))
        redrawn = FoundPair(pair.views, detection, triangulate_landmarks(detection, self.constants))
        again = self.engines[case.options.engine].refit(redrawn, spine, case.clock.within)
        return detection, replace(again, suspected=spine.suspected)

    def _refitted(self, draft: Draft, views: tuple[NetworkView, NetworkView], case: Case) -> Reconstruction:
        """With the levels that were touched fitted again."""
        told, kept = draft.detection(), draft.kept
        detection, views = in_believed_room(told, views, kept.error)
        landmarks, before = triangulate_landmarks(detection, self.constants), draft.before(self.models)
        spine = self.shape_fit.refit_some(told, landmarks, before, kept.method, case.clock.within, kept.error)
        kept_notes = [note for note in kept.notes if note not in JUDGED_HERE]
        notes = (*kept_notes, *pair_notes(detection), *room_notes(spine), *stance_notes(spine, detection), EDITED)
        revised = self._judged(spine, FoundPair(views, detection, landmarks), notes, case, hips=draft.hips)
        return replace(revised, edited_landmarks=draft.edited[:, draft.rows])

    def _judged(
        self,
        spine: Registration,
        pair: FoundPair,
        notes: tuple[str, ...],
        case: Case,
        unguided: Sequence[LevelQuality] = (),
        hips: SetHips | None = None,
    ) -> Reconstruction:
        """A fitted spine with its quality, no better than that of the fit which guided it, and measurements."""
        case.clock.enter(Stage.MEASURE)
        quality = judge_levels(spine)
        quality = worse_of(unguided, quality) if unguided else quality
        refuse_unsupported(quality)
        notes = tuple(dict.fromkeys(notes))
        levels = [vertebra.level for vertebra in spine.vertebrae]
        doubtful = doubtful_levels(levels, quality)
        measured = measured_spine(spine.vertebrae)
        sacrum = find_sacrum(pair.detection, pair.views[1], measured, levels)
        if hips is not None:
            draws = len(measured[0].origin) - 1
            sacrum = sacrum.with_hips(place_hips(hips, believed_room(case.calibration, spine), draws))
        sex, plate = case.options.sex, sacrum.plate
        measurements = measure(
            spine.vertebrae, doubtful, spine=measured, sacrum=plate, sex=sex, stated=self.stated_errors
        )
        case.clock.stop()
        return Reconstruction(
            calibration=case.calibration,
            views=pair.views,
            detection=pair.detection,
            registration=spine,
            meshes={vertebra.level: vertebra.mesh_world() for vertebra in spine.vertebrae},
            quality=quality,
            flag=overall_flag(quality, notes),
            measurements=measurements,
            notes=notes,
            provenance=self.provenance,
            engine=case.options.engine,
            timings_s=case.clock.timings_s,
            measured=measured,
            sacrum=sacrum,
        )

    def _mirrored_log_odds(self, detection: Detection, landmarks: Landmarks) -> float:
        """Laterality test: log odds that the AP film was mirrored."""
        task = FitProblem(self.models, detection, self.projector, self.constants)
        return mirrored_ap_log_odds(detection, partial(mirrored_log_ratios, task, landmarks))


def _may_look_again(detection: Detection, case: Case) -> bool:
    """Not in a room that was guessed, nor under names that the networks have not read."""
    plain = case.options.method == "gauss_newton" and not case.options.refine_geometry and not case.prompts
    return plain and detection.sources is not None and detection.levels == LEVELS[: len(detection.levels)]
