"""Reconstruction, and the result document that a client gets of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lumbar3d import __version__
from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Mask
from lumbar3d.contracts import (
    VIEWS,
    Calibration,
    EngineName,
    LandmarkResult,
    LandmarkSighting,
    LevelQuality,
    LevelResult,
    Measurement,
    ReconstructionResult,
    RefinedParameter,
)
from lumbar3d.detection import report
from lumbar3d.detection.result import Detection
from lumbar3d.export.surface import Surface
from lumbar3d.geometry.calibration import BiplanarGeometry, build_geometry
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.motion import segment_motions
from lumbar3d.measurement.standing import summary
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra
from lumbar3d.provenance import Provenance
from lumbar3d.quality import Flag
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room import PARAMETERS, UNITS, prior_sigmas
from lumbar3d.sacrum.finding import NOT_ASKED, SacralFinding
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import TriangleMesh


def believed_room(calibration: Calibration, spine: Registration) -> BiplanarGeometry:
    """On the pixels of the images, with the lateral view as a fit believes it to be."""
    told, refined = build_geometry(calibration), spine.room
    return told if refined is None else replace(told, lat=refined.error.applied(told.lat))


@dataclass(frozen=True, eq=False, repr=False)
class Reconstruction:
    """Vertebrae in the world frame with everything that is known about them.

    Attributes
    ----------
    calibration : Calibration
    views : tuple of NetworkView
        AP and LAT as the network saw them.
    detection : Detection
    registration : Registration
        Fitted vertebrae, triangulated landmarks, residuals.
    meshes : mapping of level to TriangleMesh
        Full surfaces, world mm.
    quality : tuple of LevelQuality
    flag : {"ok", "review", "bad"}
        Of the whole.
    measurements : tuple of Measurement
    notes : tuple of str
        Remarks about the input, as stable codes.
    provenance : Provenance
    engine : str
        Which of ``lumbar3d.engines`` made it.
    timings_s : dict of str to float
        Wall time of each stage.
    edited_landmarks : (2, levels, 7) bool or None
        What somebody has set in AP and LAT; None: nothing.
    measured : tuple of MeasuredVertebra
        Frames and plates of the fit and of draws from its posterior.
    sacrum : SacralFinding
        Plate of S1 below them, or why there is none, and the hips.
    """

    calibration: Calibration
    views: tuple[NetworkView, NetworkView]
    detection: Detection
    registration: Registration
    meshes: Mapping[str, TriangleMesh]
    quality: tuple[LevelQuality, ...]
    flag: Flag
    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...]
    provenance: Provenance
    engine: EngineName = "shape_model"
    timings_s: dict[str, float] = field(default_factory=dict)
    edited_landmarks: Mask | None = None
    measured: tuple[MeasuredVertebra, ...] = ()
    sacrum: SacralFinding = NOT_ASKED

    def __repr__(self) -> str:
        levels = ", ".join(self.meshes)
        return f"<{type(self).__name__} of {levels}: quality {self.flag}, {len(self.measurements)} measurements>"

    @property
    def vertebrae(self) -> Sequence[FittedVertebra]:
        """Pose, coefficients and posterior of each level."""
        return self.registration.vertebrae

    @property
    def edited(self) -> Mask:
        """(2, levels, 7): landmarks that somebody has set."""
        none = np.zeros((2, *self.registration.landmark_seen.shape), dtype=bool)
        return none if self.edited_landmarks is None else self.edited_landmarks

    def surfaces(self) -> tuple[Surface, ...]:
        """Each level's surface with the standard error of its vertices, for files."""
        with ThreadPoolExecutor(self.registration.constants.threads) as pool:
            sigmas = list(pool.map(FittedVertebra.normal_sigma_mm, self.vertebrae))
        pairs = zip(self.meshes.items(), sigmas, strict=True)
        return tuple(Surface(level, mesh, sigma_mm) for (level, mesh), sigma_mm in pairs)

    def to_result(self) -> ReconstructionResult:
        """The document of ``GET /jobs/{id}/result``."""
        return ReconstructionResult(
            software=f"lumbar3d {__version__}",
            engine=self.engine,
            method=self.registration.method,
            levels=self._levels(),
            measurements=self.measurements,
            segments=segment_motions(self.measured, list(self.meshes)) if self.measured else (),
            summary=summary(self.measurements),
            sacrum=self.sacrum.told(),
            quality=self.flag,
            notes=self.notes,
            lumbar_count=report.count_report(self.detection),
            level_names=report.names_report(self.detection),
            films=report.film_reports(self.detection),
            refined_geometry=self._refined_geometry(),
            timings_s={name: round(seconds, 4) for name, seconds in self._timings_s().items()},
            assets=self.provenance.assets,
            constants=self.provenance.constants,
            versions=self.provenance.versions,
            calibration=self.calibration,
        )

    def _timings_s(self) -> dict[str, float]:
        return self.timings_s | {"total": sum(self.timings_s.values())}

    @cached_property
    def room(self) -> BiplanarGeometry:
        """On the pixels of the images, with the lateral view as it is believed to be."""
        return believed_room(self.calibration, self.registration)

    def _refined_geometry(self) -> tuple[RefinedParameter, ...]:
        refined = self.registration.room
        if refined is None:
            return ()
        rows = zip(PARAMETERS, UNITS, refined.error.values, refined.sigmas, prior_sigmas(), refined.seen, strict=True)
        return tuple(
            RefinedParameter(
                name=name, unit=unit, value=float(value), sigma=float(sigma), prior_sigma=float(prior), seen=seen
            )
            for name, unit, value, sigma, prior, seen in rows
        )

    def _levels(self) -> tuple[LevelResult, ...]:
        room = self.room
        points = np.stack([vertebra.landmarks_world() for vertebra in self.vertebrae])
        seen = report.sightings(self.detection, room, points)
        certain = np.minimum(self.detection.ap.confidence, self.detection.lat.confidence).round(report.DIGITS)
        return tuple(
            LevelResult(
                level=vertebra.level,
                detection_confidence=float(certain[row]),
                world_from_model=vertebra.world_from_model.tolist(),
                coefficients_sd=tuple(vertebra.coefficients.tolist()),
                landmarks=tuple(self._landmark(row, k, seen[row][k]) for k in range(len(LANDMARKS))),
                quality=self.quality[row],
            )
            for row, vertebra in enumerate(self.vertebrae)
        )

    def _landmark(self, row: int, index: int, sightings: tuple[LandmarkSighting, ...]) -> LandmarkResult:
        fit = self.registration
        seen = bool(fit.landmark_seen[row, index])
        by_hand = dict(zip(VIEWS, self.edited[:, row, index].tolist(), strict=True))
        told = tuple(each.model_copy(update={"edited": by_hand[each.view]}) for each in sightings)
        return LandmarkResult(
            name=LANDMARKS[index],
            model_mm=tuple(self.vertebrae[row].landmarks_world()[index].tolist()),
            triangulated_mm=tuple(fit.triangulated_mm[row, index].tolist()) if seen else None,
            ray_distance_mm=float(fit.ray_distance_mm[row, index]) if seen else None,
            sightings=told,
        )
