"""Settings of a worker process."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from lumbar3d.jobs.settings import JobsSettings


class WorkerSettings(JobsSettings):
    """Read from ``LUMBAR3D_*``."""

    assets: Path | None = Field(default=None, description="shape models and network; the shipped ones by default")
    device: Literal["auto", "cpu", "gpu"] = Field(default="auto", description="auto: the GPU where one works")
    job_time_limit_s: float = Field(
        default=600.0, gt=0, description="a longer attempt is given up and its process ends"
    )
    poll_s: float = Field(
        default=0.2,
        gt=0,
        description="how often the embedded worker looks for work; four times as often for ten minutes after a job",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="of the JSON lines")
