"""Data contracts that service, worker, command line and library share.

Nothing here computes. All lengths are millimetres, all angles degrees; the world frame is SRS / ISO 2631
(x anterior, y left, z up). Pixels are (u, v) = (column, row) with (0, 0) the centre of the top-left pixel.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

from lumbar3d.notes import listed

RECONSTRUCT_TASK = "lumbar3d.reconstruct"
"""Celery task name: the producer sends it by name and never imports the worker."""

FrameName = Literal["srs", "lps"]
"""Axes of a file in mm: srs is the world frame (x anterior, y left, z up), lps DICOM's (x left, y posterior, z up)."""
FRAMES: tuple[FrameName, ...] = get_args(FrameName)

ViewName = Literal["ap", "lat"]
VIEWS: tuple[ViewName, ViewName] = ("ap", "lat")
VIEW_TITLE = {"ap": "AP", "lat": "lateral"}
"""How a view is called in words."""

Vec3 = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Row4 = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


def _whole(value: object) -> object:
    """384.0 is an integer: JSON has one kind of number, and languages that have two write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


PixelCount = Annotated[int, BeforeValidator(_whole), Field(ge=16, le=20000)]


class _Contract(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MatrixView(_Contract):
    """A cone-beam view given as a 3x4 matrix from world mm (homogeneous) to pixels (u, v, 1)."""

    type: Literal["matrix"]
    projection: tuple[Row4, Row4, Row4]
    pixel_spacing_mm: tuple[FiniteFloat, FiniteFloat] = Field(description="(du, dv) at the detector's front plane")
    columns: PixelCount
    rows: PixelCount
    photometric_interpretation: Literal["MONOCHROME1", "MONOCHROME2"] = "MONOCHROME2"


class GeometryView(_Contract):
    """A cone-beam view given by where the source and the detector are."""

    type: Literal["geometry"]
    source_mm: Vec3
    detector_origin_mm: Vec3 = Field(description="world position of the centre of pixel (0, 0)")
    detector_u_axis: Vec3 = Field(description="unit vector along which the column index grows")
    detector_v_axis: Vec3 = Field(description="unit vector along which the row index grows")
    pixel_spacing_mm: tuple[FiniteFloat, FiniteFloat]
    columns: PixelCount
    rows: PixelCount
    photometric_interpretation: Literal["MONOCHROME1", "MONOCHROME2"] = "MONOCHROME2"


class SlotView(_Contract):
    """A slot scanner's view: a level fan of rays and a line detector that travel together, a row at each step."""

    type: Literal["slot"]
    source_mm: Vec3 = Field(description="where the source is while row 0 is taken")
    detector_origin_mm: Vec3 = Field(description="centre of pixel (0, 0) while row 0 is taken; level with the source")
    detector_u_axis: Vec3 = Field(description="unit vector of the detector line, along which the column index grows")
    scan_direction: Vec3 = Field(
        description="unit vector along which source and detector travel from row to row; square to the detector line"
    )
    pixel_spacing_mm: tuple[FiniteFloat, FiniteFloat] = Field(
        description="pitch of the columns at the detector line, way of travel from row to row"
    )
    columns: PixelCount
    rows: PixelCount
    photometric_interpretation: Literal["MONOCHROME1", "MONOCHROME2"] = "MONOCHROME2"


View = Annotated[MatrixView | GeometryView | SlotView, Field(discriminator="type")]


class Calibration(_Contract):
    """Both views of one acquisition in one world frame."""

    version: Literal["1.0"]
    world_frame: Literal["x_anterior_y_left_z_up_mm"] = "x_anterior_y_left_z_up_mm"
    ap: View
    lat: View


EngineName = Literal["shape_model"]


Sex = Literal["female", "male"]


class ReconstructOptions(_Contract):
    """What a caller may choose; everything else is fixed and recorded in the result."""

    engine: EngineName = Field(
        default="shape_model", description="what turns both views into a spine: the shape models' 2D-3D registration"
    )
    method: Literal["gauss_newton", "bobyqa"] = "gauss_newton"
    geometry: Literal["calibration", "from_tags"] = Field(
        default="calibration",
        description="where source and detector were: as the part calibration says, or, without that part, as the tags "
        "of both DICOM files say (distances, positioner angles, patient orientation, spacing) for a room that the "
        "caller states to be orthogonal with a common isocentre",
    )
    refine_geometry: bool = Field(
        default=False,
        description="whether the lateral view of a nominal room (distance of its source, shift and turn of its "
        "detector) is refined together with the spine; standard errors then hold what is left of its errors",
    )
    sex: Sex | None = Field(
        default=None,
        description="whose norms the numbers are compared with, where the literature has them apart: told by whoever "
        "asks, never read out of the films; without it those of both together. It changes no number",
    )


class JobState(StrEnum):
    """Life of a job: queued -> running -> one of the four ends (or back to queued when a lease expires)."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job will never change again."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Stage(StrEnum):
    """What a running job is doing, in order."""

    READ = "read"
    DETECT = "detect"
    INITIALISE = "initialise"
    REGISTER = "register"
    MEASURE = "measure"
    EXPORT = "export"


def _more_members(schema: dict[str, Any]) -> None:
    """Members of some problem documents alone; in a job's status they would always be null."""
    text = {"type": "string"}
    fault = {name: text for name in ("part", "pointer", "code", "message")}
    schema["properties"]["faults"] = {
        "description": "what is wrong where in a JSON part; pointer is an RFC 6901 pointer into it",
        "items": {"type": "object", "properties": fault, "required": ["pointer", "code", "message"]},
        "type": "array",
    }
    schema["properties"]["checks"] = {
        "description": "of /readyz: each part that jobs need, and what is known of it",
        "additionalProperties": text,
        "type": "object",
    }


class Problem(BaseModel):
    """RFC 9457 problem document; ``code`` is the stable machine-readable part."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_more_members)

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    instance: str | None = None


ReviewState = Literal["draft", "accepted", "rejected"]


class Review(_Contract):
    """Sign-off of a result."""

    state: ReviewState = "draft"
    by: str | None = Field(default=None, description="authenticated client that signed")
    name: str | None = Field(default=None, description="who signed, as stated by that client")
    at: str | None = None
    reason: str | None = None
    revision: int = Field(default=1, description="which revision is meant")


class Inputs(_Contract):
    """What was sent, without saying of whom."""

    ap_sha256: str
    lat_sha256: str
    study: str | None = Field(
        default=None, description="beginning of the SHA-256 of the Study Instance UID, where both films have the same"
    )


class JobStatus(_Contract):
    """Answer of ``GET /jobs/{id}``."""

    id: str = Field(json_schema_extra={"format": "uuid"})
    state: JobState
    stage: Stage | None = None
    progress: float = Field(ge=0.0, le=1.0)
    queue_position: int | None = None
    attempt: int = 0
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})
    reference: str | None = Field(default=None, description="as given with the images; opaque")
    inputs: Inputs | None = None
    revision: int = Field(default=1, description="number of the current revision; 1 is the first result")
    revision_of: str | None = Field(default=None, description="id of the examination that this job revises")
    review: Review | None = Field(default=None, description="sign-off of the current revision; null without a result")
    error: Problem | None = Field(
        default=None,
        description="why there is no result. Codes of rejected jobs: view_not_recognised, spine_truncated, "
        "levels_not_found, level_names_doubtful, vertebra_count_unsupported, views_contradict, unlike_training_films, "
        "and rejected where the fit does not match the images; of input in which only decoding shows the fault: "
        "empty_image, unsupported_format, invalid_radiograph",
    )


Evidence = Literal["strong", "moderate", "weak"]
Standing = Literal["inside", "borderline", "outside"]


class Norm(_Contract):
    """Reference population figure for one measurement."""

    mean: float
    sd: float
    source: str
    evidence: Evidence = Field(
        default="weak",
        description="strong: of more than 100 standing people, measured alike; moderate: of fewer, of people "
        "lying down, of a table put together, or a limit of diagnosis; weak: of a few people, or estimated",
    )
    sex: Sex | None = Field(default=None, description="of whom the figure is; null: of both together")


class Measurement(_Contract):
    """One clinical number with its standard error."""

    code: str = Field(description="stable id, e.g. body_height_anterior")
    name: str
    target: str = Field(description="level (L3), pair (L3/L4) or span (L1-L5)")
    value: float
    unit: Literal["mm", "deg", "%", "cm3", "mm2"]
    sigma: float | None = Field(
        ge=0.0,
        description="standard error, same unit, from the posterior of the fit; null where the engine states none",
    )
    flag: Literal["ok", "model_based", "low_confidence"] = "ok"
    norm: Norm | None = None
    standing: Standing | None = Field(
        default=None,
        description="against mean and 2 SD of the norm. outside: beyond them by more than 2 standard errors; inside: "
        "within them by more than one; else borderline. null without norm or standard error",
    )
    stands_out: bool = Field(
        default=False, description="outside, by a norm that is not weak, and measured without doubt"
    )
    definition: str


class SegmentMotion(_Contract):
    """How a vertebra stands on the one below it, in the frame of that one."""

    upper: str
    lower: str
    rotation_deg: Vec3 = Field(description="lateral (left side up), sagittal (top forward), axial (front to the left)")
    rotation_sigma_deg: Vec3 | None = Field(description="standard errors; null where the engine states none")
    translation_mm: Vec3 = Field(description="of the body's middle: forward, to the left, up")
    translation_sigma_mm: Vec3 | None


class Finding(_Contract):
    """One number that stands out, in words."""

    code: str
    target: str
    words: str


class Summary(_Contract):
    """The numbers against their norms, with what chance alone would do."""

    compared: int
    outside: int
    borderline: int
    expected_outside_by_chance: float = Field(description="of as many numbers in a person within the norms")
    stands_out: tuple[Finding, ...]


class LandmarkSighting(_Contract):
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


class LandmarkResult(_Contract):
    """One landmark: on the fitted mesh, as triangulated from the two detections, and in each view."""

    name: str
    model_mm: Vec3
    triangulated_mm: Vec3 | None = None
    ray_distance_mm: float | None = Field(
        default=None, description="by how much the rays of the two views through this landmark miss each other"
    )
    sightings: tuple[LandmarkSighting, ...] = ()


class LevelQuality(_Contract):
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
    flag: Literal["ok", "review", "bad"]
    reasons: tuple[str, ...] = ()


class LevelResult(_Contract):
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


class AssetRecord(_Contract):
    """Which file was used."""

    name: str
    sha256: str
    version: str


class LumbarCountReport(_Contract):
    """How many vertebrae are lumbar, from both images together."""

    count: int = Field(ge=4, le=6)
    confidence: float = Field(ge=0.0, le=1.0, description="against the other two counts; not calibrated")


class LevelNamesReport(_Contract):
    """Which vertebra is which, from both images and several looks at each; not calibrated."""

    probability: float = Field(ge=0.0, le=1.0, description="that the levels have their right names")
    one_lower: float = Field(ge=0.0, le=1.0, description="that every vertebra is the one below its name: L1 is L2")
    one_higher: float = Field(ge=0.0, le=1.0, description="that every vertebra is the one above its name: L1 is T12")


class FilmReport(_Contract):
    """What is known of one image as a whole."""

    view: ViewName
    novelty: float | None = Field(
        default=None,
        description="how unlike the films of training it is: Mahalanobis distance of its features over the distance "
        "that one in a hundred simulated validation films exceeds",
    )


class RefinedParameter(_Contract):
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


class RecognisedPoint(_Contract):
    """Middle of a vertebral body in one film."""

    centre_px: tuple[FiniteFloat, FiniteFloat] = Field(description="(u, v) in the image as it was sent")
    probability: float = Field(ge=0.0, le=1.0, description="that it is this level; not calibrated")


class RecognisedLevel(_Contract):
    """One level in both films; null where it was not seen."""

    level: str
    ap: RecognisedPoint | None = None
    lat: RecognisedPoint | None = None


class Window(_Contract):
    """Grey values of a film that are shown black and white at first."""

    low: float
    high: float


class RecognisedFilm(_Contract):
    """One film as it is kept."""

    columns: int
    rows: int
    pixel_spacing_mm: tuple[FiniteFloat, FiniteFloat]
    window: Window
    notes: tuple[str, ...] = Field(default=(), description="on its file, as in the result")


class RecognisedFilms(_Contract):
    """Both films."""

    ap: RecognisedFilm
    lat: RecognisedFilm


class Recognition(_Contract):
    """What was recognised in two films, whether they were answered or refused."""

    films: RecognisedFilms
    lumbar_count: LumbarCountReport | None = None
    level_names: LevelNamesReport | None = None
    levels: tuple[RecognisedLevel, ...] = ()


class ReconstructionResult(_Contract):
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


class Compared(_Contract):
    """Which result was compared."""

    id: str | None = None
    revision: int = 1
    reference: str | None = None


class Exceeds(_Contract):
    """Whether a change is larger than the smallest that can be detected, axis by axis."""

    rotation: tuple[bool, bool, bool]
    translation: tuple[bool, bool, bool]


class SegmentChange(_Contract):
    """How much a vertebra has moved on the one below it, from a to b, in the frame of that one."""

    upper: str
    lower: str
    rotation_deg: Vec3 = Field(description="rotation vector: lateral, sagittal, axial")
    rotation_sigma_deg: Vec3 | None
    rotation_mdc_deg: Vec3 | None = Field(description="minimal detectable change, 95 %")
    translation_mm: Vec3
    translation_sigma_mm: Vec3 | None
    translation_mdc_mm: Vec3 | None
    exceeds_mdc: Exceeds | None


class MeasurementChange(_Contract):
    """One number in both."""

    code: str
    target: str
    unit: str
    a: float
    b: float
    change: float
    sigma: float | None
    mdc: float | None
    exceeds_mdc: bool | None


class Comparison(_Contract):
    """``GET /jobs/{a}/compare/{b}``: two results of one person."""

    a: Compared
    b: Compared
    segments: tuple[SegmentChange, ...]
    measurements: tuple[MeasurementChange, ...]
    words: tuple[str, ...]
    a_from_b: tuple[Row4, Row4, Row4, Row4] = Field(
        description="rigid, mm: lays the lowest vertebra that both have in b on that in a, to draw both in one scene"
    )
