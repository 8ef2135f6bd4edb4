"""What one reconstruction is, and the document that a client gets of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lumbar3d import __version__
from lumbar3d.contracts import (
    LANDMARKS,
    Calibration,
    LandmarkResult,
    LevelQuality,
    LevelResult,
    Measurement,
    ReconstructionResult,
)
from lumbar3d.detection.result import Detection
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.provenance import Provenance
from lumbar3d.quality import Flag
from lumbar3d.registration.result import Registration
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import TriangleMesh


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Five vertebrae in the world frame with everything that is known about them.

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
    timings_s : dict of str to float
        Wall time of each stage.
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
    timings_s: dict[str, float] = field(default_factory=dict)

    @property
    def vertebrae(self) -> Sequence[FittedVertebra]:
        """Pose, coefficients and posterior of L1..L5."""
        return self.registration.vertebrae

    def to_result(self) -> ReconstructionResult:
        """The document of ``GET /jobs/{id}/result``."""
        return ReconstructionResult(
            software=f"lumbar3d {__version__}",
            method=self.registration.method,
            levels=tuple(self._level(row) for row in range(len(self.vertebrae))),
            measurements=self.measurements,
            quality=self.flag,
            notes=self.notes,
            timings_s={name: round(seconds, 4) for name, seconds in self._timings_s().items()},
            assets=self.provenance.assets,
            constants=self.provenance.constants,
            versions=self.provenance.versions,
            calibration=self.calibration,
        )

    def _timings_s(self) -> dict[str, float]:
        return self.timings_s | {"total": sum(self.timings_s.values())}

    def _level(self, row: int) -> LevelResult:
        vertebra = self.vertebrae[row]
        return LevelResult(
            level=vertebra.level,
            world_from_model=vertebra.world_from_model.tolist(),
            coefficients_sd=tuple(vertebra.coefficients.tolist()),
            landmarks=tuple(self._landmarks(row)),
            quality=self.quality[row],
        )

    def _landmarks(self, row: int) -> list[LandmarkResult]:
        fit = self.registration
        found = []
        for index, (name, point) in enumerate(
            zip(LANDMARKS, self.vertebrae[row].landmarks_world().tolist(), strict=True)
        ):
            seen = bool(fit.landmark_seen[row, index])
            found.append(
                LandmarkResult(
                    name=name,
                    model_mm=tuple(point),
                    triangulated_mm=tuple(fit.triangulated_mm[row, index].tolist()) if seen else None,
                    ray_distance_mm=float(fit.ray_distance_mm[row, index]) if seen else None,
                )
            )
        return found
