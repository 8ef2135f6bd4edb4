"""Settings that service and workers share: where the truth lies and how long a lease lasts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "LUMBAR3D_"
OTHERS = frozenset({"API_KEY", "ASSETS", "BRIDGE_WEB_AUTHORIZATION", "CASES", "NOT_RUN", "SERVER"})
"""Variables of the command line, the library and the tests that are no settings of a process."""
KNOWN = frozenset(
    """api_key_file api_key_hashes assets broker_url data_dir database_url device heartbeat_s identity_key
    job_time_limit_s lease_s log_level max_attempts max_event_streams max_event_streams_per_client max_queued
    max_requests_per_s max_unfinished_per_client max_upload_mb max_uploads max_uploads_per_client min_free_mb
    oauth_audience oauth_issuer oauth_jwks poll_s require_api_key retention_days retry_delay_s stale_hint_s store_url
    sweep_s upload_timeout_s webhook_file webhook_hosts""".upper().split()
)
"""Settings of service and workers together: they share one environment, and neither may refuse the other's."""


class UnknownSettingError(ValueError):
    """A variable ``LUMBAR3D_*`` that no setting reads: nearly always a slip, which would otherwise go unnoticed."""


def refuse_unknown(environment: Mapping[str, str]) -> None:
    """Look for slips.

    Raises
    ------
    UnknownSettingError
        With the name that was probably meant.
    """
    names = sorted(KNOWN | OTHERS)
    for variable in environment:
        name = variable.upper().removeprefix(PREFIX)
        if variable.upper().startswith(PREFIX) and name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else "; docs/operate.md lists the settings"
            raise UnknownSettingError(f"there is no setting {PREFIX}{name}{hint}")


def explain(error: ValueError) -> str:
    """Names of the settings that do not work and what is expected of each; never their values."""
    if not isinstance(error, ValidationError):
        return str(error)
    faults = [(PREFIX + "_".join(map(str, fault["loc"])).upper(), fault["msg"]) for fault in error.errors()]
    return "; ".join(f"{name}: {message}" for name, message in faults)


class JobsSettings(BaseSettings):
    """Base of the settings of every process; read from ``LUMBAR3D_*``, frozen, nothing unknown accepted."""

    def __init__(self, **values: Any) -> None:
        refuse_unknown(os.environ)
        super().__init__(**values)

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
    heartbeat_s: float = Field(default=15.0, gt=0, description="how often a worker says that it lives")
    max_attempts: int = Field(default=3, ge=1, description="of one job, before it has failed")
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
