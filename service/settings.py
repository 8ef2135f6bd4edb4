"""Settings of the service process."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from lumbar3d.jobs.settings import JobsSettings


class ServiceSettings(JobsSettings):
    """Read from ``LUMBAR3D_*``."""

    require_api_key: bool = Field(
        default=True, description="only the embedded mode on one's own machine switches it off"
    )
    api_key_hashes: SecretStr = Field(
        default=SecretStr(""), description="client:sha256[:roles[:until]], apart by commas or spaces"
    )
    api_key_file: Path | None = Field(default=None, description="the same, one a line; read again when it changes")
    oauth_issuer: str | None = Field(default=None, description="of access tokens (JWT) that are accepted beside keys")
    oauth_audience: str | None = Field(default=None, description="what those tokens must be meant for")
    oauth_jwks: str | None = Field(default=None, description="the issuer's public keys: an https address or a file")
    max_upload_mb: float = Field(default=280.0, gt=0, description="whole body; two images of 128 MiB and their JSON")
    upload_timeout_s: float = Field(default=120.0, gt=0, description="a slower body is given up")
    max_uploads: int = Field(default=16, ge=1, description="bodies being received at the same time")
    max_uploads_per_client: int = Field(default=4, ge=1, description="of these, of one API key")
    max_event_streams: int = Field(default=256, ge=1, description="SSE connections at the same time")
    max_event_streams_per_client: int = Field(default=32, ge=1, description="of these, of one API key")
    max_requests_per_s: float = Field(default=600.0, gt=0, description="of one API key, on average over two seconds")
    max_queued: int = Field(default=500, ge=1, description="waiting jobs of everybody")
    max_unfinished_per_client: int = Field(default=50, ge=1, description="waiting and running jobs of one API key")
    sweep_s: float = Field(default=5.0, gt=0, description="how often lost jobs and hints are looked for")
    stale_hint_s: float = Field(default=30.0, gt=0, description="a waiting job's hint older than this may be lost")
    retention_days: float = Field(default=30.0, gt=0, description="results are erased this long after the job ended")
    identity_key: SecretStr | None = Field(
        default=None,
        description="`lumbar3d key identity` makes one: identifiers that DICOM output needs are kept, encrypted; "
        "without it they are dropped",
    )
    webhook_file: Path | None = Field(
        default=None, description="webhooks, one a line: client, address, secret; `lumbar3d key webhook` writes it"
    )
    webhook_hosts: str = Field(
        default="",
        description="hosts that webhooks may call, apart by commas or spaces; a private address needs its network here",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="of the JSON lines")

    @property
    def identity_key_text(self) -> str | None:
        """The key that seals identifiers."""
        return (self.identity_key.get_secret_value() or None) if self.identity_key is not None else None
