"""What routes are given: the services of the application and the authenticated client."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Path, Request

from jobs.bundles import LocalStore
from jobs.claims import LeasePolicy
from jobs.database import Database
from jobs.errors import JobNotFoundError
from jobs.sweeper import Sweeper, SweepPolicy
from jobs.table import JobTable, Limits
from service.errors import UnauthorizedError
from service.examples import JOB_ID
from service.keys import KeyRing
from service.metrics import Metrics
from service.queue import CeleryBroker, NoBroker, connect
from service.settings import ServiceSettings

LOCAL_CLIENT = "local"
"""Owner of all jobs where no API key is required."""


@dataclass(frozen=True)
class Services:
    """Built once by ``create_app``."""

    settings: ServiceSettings
    keys: KeyRing
    database: Database
    table: JobTable
    store: LocalStore
    sweeper: Sweeper
    broker: CeleryBroker | NoBroker
    metrics: Metrics
    submitted: asyncio.Event = field(default_factory=asyncio.Event)
    uploads: asyncio.Semaphore = field(default_factory=asyncio.Semaphore)
    streams: asyncio.Semaphore = field(default_factory=asyncio.Semaphore)

    @classmethod
    def start(cls, settings: ServiceSettings) -> Services:
        """Open everything that a request needs; a wrong configuration fails here, not in a request."""
        keys = KeyRing.load(settings)
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database)
        database.create_tables()
        limits = Limits(settings.max_queued, settings.max_unfinished_per_client)
        lease = LeasePolicy(settings.lease_s, settings.max_attempts, settings.retry_delay_s)
        sweeping = SweepPolicy(settings.stale_hint_s, settings.retention_days * 86400.0)
        return cls(
            settings=settings,
            keys=keys,
            database=database,
            table=JobTable(database, limits),
            store=LocalStore(settings.data_dir),
            sweeper=Sweeper(database, lease, sweeping),
            broker=connect(settings.broker),
            metrics=Metrics(database),
            uploads=asyncio.Semaphore(settings.max_uploads),
            streams=asyncio.Semaphore(settings.max_event_streams),
        )

    def close(self) -> None:
        """Release connections."""
        self.broker.close()
        self.database.close()


def services_of(request: Request) -> Services:
    """The services of the running application."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


def client_of(request: Request, services: ServicesDep) -> str:
    """Who asks; runs before any body is read.

    Raises
    ------
    UnauthorizedError
        A key is required and this is none of ours.
    """
    if not services.settings.require_api_key:
        return LOCAL_CLIENT
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    client = services.keys.client_of(secret.strip()) if scheme.lower() == "bearer" else None
    if client is None:
        raise UnauthorizedError("send an API key: Authorization: Bearer <key>")
    return client


ClientDep = Annotated[str, Depends(client_of)]


def job_id_of(
    _client: ClientDep, job_id: Annotated[str, Path(json_schema_extra={"format": "uuid"}, examples=[JOB_ID])]
) -> str:
    """A job id in its canonical form; the key is checked first.

    Raises
    ------
    JobNotFoundError
        Not a UUID, so there cannot be such a job.
    """
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        raise JobNotFoundError("no such job") from None


JobIdDep = Annotated[str, Depends(job_id_of)]
