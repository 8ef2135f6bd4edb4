"""Contract of a job: what a caller chooses, its states and stages, its sign-off, what went wrong."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lumbar3d.contracts.base import Contract, Sex

RECONSTRUCT_TASK = "lumbar3d.reconstruct"
"""Celery task name: the producer sends it by name and never imports the worker."""

EngineName = Literal["shape_model"]


class ReconstructOptions(Contract):
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


class Review(Contract):
    """Sign-off of a result."""

    state: ReviewState = "draft"
    by: str | None = Field(default=None, description="authenticated client that signed")
    name: str | None = Field(default=None, description="who signed, as stated by that client")
    at: str | None = None
    reason: str | None = None
    revision: int = Field(default=1, description="which revision is meant")


class Inputs(Contract):
    """What was sent, without saying of whom."""

    ap_sha256: str
    lat_sha256: str
    study: str | None = Field(
        default=None, description="beginning of the SHA-256 of the Study Instance UID, where both films have the same"
    )


class JobStatus(Contract):
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
        "levels_not_found, level_names_doubtful, views_contradict, unlike_training_films, and rejected where the fit "
        "does not match the images; of input in which only decoding shows the fault: empty_image, unsupported_format, "
        "invalid_radiograph",
    )
