"""What service and workers must agree on: where the truth lies and how long a lease lasts."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class JobsSettings(BaseSettings):
    """Base of the settings of every process; read from ``LUMBAR3D_*``, frozen, nothing unknown accepted."""

    model_config = SettingsConfigDict(env_prefix="LUMBAR3D_", extra="forbid", frozen=True)

    data_dir: Path = Field(
        default=Path("lumbar3d-data"),
        description="uploads, artifacts and the embedded job table; with s3 what is on its way",
    )
    store_url: str | None = Field(
        default=None,
        pattern=r"^(file:///.+|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#]*)?)$",
        description="file:///folder or s3://bucket/prefix for uploads and results; data_dir where not given. "
        "Endpoint and credentials of s3 are botocore's settings (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, ...)",
    )
    database_url: SecretStr | None = Field(default=None, description="PostgreSQL; SQLite in data_dir where not given")
    broker_url: SecretStr | None = Field(default=None, description="Redis; the embedded worker polls where not given")
    lease_s: float = Field(default=60.0, gt=0, description="a worker silent for longer has lost its job")
    heartbeat_s: float = Field(default=15.0, gt=0)
    max_attempts: int = Field(default=3, ge=1)
    retry_delay_s: float = Field(default=2.0, ge=0, description="doubled with every attempt")

    min_free_mb: float = Field(
        default=512.0, ge=0, description="uploads are refused when the store has less room; workers pause at an eighth"
    )

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the job table."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir.absolute() / 'jobs.sqlite3'}"

    @property
    def broker(self) -> str | None:
        """URL of the broker, None in the embedded mode."""
        return self.broker_url.get_secret_value() if self.broker_url is not None else None
