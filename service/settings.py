"""Settings of the service process."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from jobs.settings import JobsSettings


class ServiceSettings(JobsSettings):
    """Read from ``LUMBAR3D_*``."""

    require_api_key: bool = Field(
        default=True, description="only the embedded mode on one's own machine switches it off"
    )
    api_key_hashes: SecretStr = Field(default=SecretStr(""), description="client:sha256, separated by commas or spaces")
    api_key_file: Path | None = Field(default=None, description="the same, one client a line")
    max_upload_mb: float = Field(default=280.0, gt=0, description="whole body; two images of 128 MiB and their JSON")
    upload_timeout_s: float = Field(default=120.0, gt=0, description="a slower body is given up")
    max_uploads: int = Field(default=16, ge=1, description="bodies being received at the same time")
    max_uploads_per_client: int = Field(default=4, ge=1, description="of these, of one API key")
    max_event_streams: int = Field(default=256, ge=1, description="SSE connections at the same time")
    max_event_streams_per_client: int = Field(default=32, ge=1, description="of these, of one API key")
    max_requests_per_s: float = Field(default=600.0, gt=0, description="of one API key, on average over two seconds")
    max_queued: int = Field(default=500, ge=1)
    max_unfinished_per_client: int = Field(default=50, ge=1)
    sweep_s: float = Field(default=5.0, gt=0)
    stale_hint_s: float = Field(default=30.0, gt=0, description="a waiting job's hint older than this may be lost")
    retention_days: float = Field(default=30.0, gt=0, description="results are erased this long after the job ended")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
