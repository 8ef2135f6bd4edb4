"""Contract of a result: levels with their landmarks and quality, measurements, provenance."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, FiniteFloat

from lumbar3d.contracts.base import Contract, Row4, Vec3, ViewName
from lumbar3d.contracts.calibration import Calibration
from lumbar3d.contracts.job import EngineName, Inputs, Review
from lumbar3d.contracts.measurement import Measurement, SegmentMotion, Summary
from lumbar3d.contracts.recognition import FilmReport, LevelNamesReport, LumbarCountReport
from lumbar3d.contracts.sacrum import Sacrum
from lumbar3d.notes import listed


class LandmarkSighting(Contract):
    """One landmark as one view shows it."""

    view: ViewName
    position_px: tuple[FiniteFloat, FiniteFloat] = Field(description="(u, v) in the image as it was sent")
    covariance_px2: tuple[tuple[FiniteFloat, FiniteFloat], tuple[FiniteFloat, FiniteFloat]] = Field(
        description="of the error in (u, v), calibrated on simulated patients that the networks never saw"
    )
    confidence: float = Field(
        ge=0.0,
        le=1.0,
        description="probability, under the covariance, of an error below 4 mm at the landmark's depth; whether the "
        "vertebra is this level at all is the level's detection_confidence",
    )
    edited: bool = Field(default=False, description="whether somebody has set it here")


class LandmarkResult(Contract):
    """One landmark: on the fitted mesh, as triangulated from the two detections, and in each view."""

    name: str
    model_mm: Vec3
    triangulated_mm: Vec3 | None = None
    ray_distance_mm: float | None = Field(
        default=None, description="by how much the rays of the two views through this landmark miss each other"
    )
    sightings: tuple[LandmarkSighting, ...] = ()


class Fracture(Contract):
    """What a vertebra that was fitted as broken looks like; no diagnosis."""

    kind: Literal["wedge", "biconcave", "crush"] | None = Field(
        description="by the height that has lost most; null where there are too few levels to compare with"
    )
    grade: Literal[0, 1, 2, 3] | None = Field(
        description="Genant's, of the measured body heights; 0 below a fifth; null as ``kind``"
    )
    probability: float = Field(ge=0.0, le=1.0, description="that the vertebra is broken, by the evidence of both fits")


class LevelQuality(Contract):
    """How well one vertebra is supported by the two images."""

    image_residual: float = Field(description="mean absolute DRR residual inside the vertebra, 0-1, worse view")
    ray_residual_mm: float | None = Field(
        description="RMS distance between the two rays of the seven landmarks; null where none was found in both views"
    )
    overlap_dice: float = Field(ge=0.0, le=1.0, description="Dice of fitted and detected silhouettes, worse view")
    surface_sigma_mm: float | None = Field(
        description="RMS posterior standard error of the surface in the room as it is believed to be; null where the "
        "engine states none"
    )
    height_loss: float | None = Field(
        default=None,
        description="largest loss of anterior, middle or posterior body height against the person's other levels, as a "
        "fraction of what is expected, less one standard error; Genant grades from 0.20. Not a fracture diagnosis.",
    )
    fracture: Fracture | None = Field(
        default=None, description="where the vertebra was fitted with the modes of fractures; null: it was fitted sound"
    )
    flag: Literal["ok", "review", "bad"]
    reasons: tuple[str, ...] = ()


class LevelResult(Contract):
    """One reconstructed vertebra."""

    level: str = Field(description="name of the vertebra, e.g. L3")
    detection_confidence: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="that the vertebra is there and is this level, worse view; not calibrated",
    )
    world_from_model: tuple[Row4, Row4, Row4, Row4]
    coefficients_sd: tuple[float, ...]
    landmarks: tuple[LandmarkResult, ...]
    quality: LevelQuality


class AssetRecord(Contract):
    """Which file was used."""

    name: str
    sha256: str
    version: str


class RefinedParameter(Contract):
    """One parameter of a nominal room that the fit has refined."""

    name: Literal["lat_source_distance", "lat_detector_shift_u", "lat_detector_shift_v", "lat_detector_turn"] = Field(
        description="how much further the lateral source is from its detector; how far that is shifted along its "
        "columns (u) and rows (v); its turn in its plane, from columns towards rows"
    )
    value: float = Field(description="found minus told by the calibration")
    sigma: float = Field(ge=0.0, description="standard error")
    prior_sigma: float = Field(gt=0.0, description="what a nominal room may be off by")
    unit: Literal["mm", "deg"]
    seen: bool = Field(description="false where the images say too little: its error may be there still")


class ReconstructionResult(Contract):
    """``GET /jobs/{id}/result``: everything but the meshes."""

    version: Literal["1.0"] = "1.0"
    software: str
    intended_use: str = "Decision support for research. Not a medical device."
    world_frame: Literal["x_anterior_y_left_z_up_mm"] = "x_anterior_y_left_z_up_mm"
    engine: EngineName = "shape_model"
    method: str
    levels: tuple[LevelResult, ...] = Field(
        description="from head to feet; L1 to L5 as long as the networks find these, any list later"
    )
    measurements: tuple[Measurement, ...]
    segments: tuple[SegmentMotion, ...] = ()
    summary: Summary | None = None
    sacrum: Sacrum | None = None
    reference: str | None = Field(default=None, description="as given with the images; opaque")
    inputs: Inputs | None = None
    revision: int = 1
    review: Review | None = Field(default=None, description="sign-off; null in a file that no service sent")
    quality: Literal["ok", "review", "bad"]
    notes: tuple[str, ...] = Field(
        default=(),
        description=f"what a reader should know: {listed(of_film=False)}; of one image, with ap_ or lat_ before "
        f"it: {listed(of_film=True)}. More may come.",
    )
    lumbar_count: LumbarCountReport | None = None
    level_names: LevelNamesReport | None = None
    films: tuple[FilmReport, ...] = ()
    refined_geometry: tuple[RefinedParameter, ...] = Field(
        default=(),
        description="with options.refine_geometry: by what the calibration, which is told as it was sent, was changed "
        "for the fit",
    )
    timings_s: dict[str, float]
    assets: tuple[AssetRecord, ...]
    constants: dict[str, dict[str, float | int | str | bool]] = Field(
        default_factory=dict,
        description="every constant of the algorithm, by the module that owns it; the groups imaging, detection, "
        "registration, measurement, mirrored and quality repeat what they have held since version 1.0",
    )
    versions: dict[str, str]
    calibration: Calibration
