"""Dependencies of the routes: the services of the application and the authenticated client."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.concurrency import run_in_threadpool

from lumbar3d.jobs import identity, jsonlog
from lumbar3d.jobs.bundles import BundleStore
from lumbar3d.jobs.claims import LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import JobNotFoundError
from lumbar3d.jobs.stores import open_store
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable, QueueLimits
from lumbar3d.service.access import FOLLOWED_JOB, Principal, Role, refuse_other_sites
from lumbar3d.service.errors import ForbiddenError, TooManyRequestsError, UnauthorizedError
from lumbar3d.service.examples import JOB_ID
from lumbar3d.service.keys import KeyRing
from lumbar3d.service.limits import Rate, Slots, Turns
from lumbar3d.service.made import Made
from lumbar3d.service.metrics import Metrics
from lumbar3d.service.polls import ClientOf, Polls
from lumbar3d.service.queue import CeleryBroker, NoBroker, connect
from lumbar3d.service.settings import ServiceSettings
from lumbar3d.service.tokens import Tokens
from lumbar3d.service.webhooks import Webhooks

LOCAL_CLIENT = "local"
"""Owner of all jobs where no API key is required; it shares with nobody, so limits per client do not hold for it."""
TURNS_PER_CLIENT = 8
"""Threads that one client's requests may have at once, of ``THREADS``, Starlette's number."""
THREADS = 40
WRONG_KEYS = 30
"""Of one address, before they are slowed down: one in two seconds is as fast as before, each other takes a second."""
WRONG_KEY_S = 1.0
DOTS_OF_A_TOKEN = 2
DOCUMENTS, DOCUMENTS_PER_CLIENT = 64, 8
"""Sign-offs and revisions whose bodies are coming at the same time."""


@dataclass(frozen=True)
class Services:
    """Built once by ``create_app``."""

    settings: ServiceSettings
    keys: KeyRing
    tokens: Tokens | None
    database: Database
    table: JobTable
    store: BundleStore
    sweeper: Sweeper
    broker: CeleryBroker | NoBroker
    metrics: Metrics
    uploads: Slots
    streams: Slots
    documents: Slots
    requests: Rate
    turns: Turns
    polls: Polls
    webhooks: Webhooks
    wrong_keys: Rate = field(default_factory=lambda: Rate(0.5 / WRONG_KEY_S, WRONG_KEYS))
    made: Made = field(default_factory=Made)
    submitted: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def start(cls, settings: ServiceSettings) -> Services:
        """Open everything that a request needs; a wrong configuration fails here, not in a request."""
        keys, tokens = KeyRing.load(settings), Tokens.load(settings)
        identity.check(settings.identity_key_text)
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = Database(settings.database)
        database.create_tables()
        limits = QueueLimits(settings.max_queued, settings.max_unfinished_per_client)
        lease = LeasePolicy(settings.lease_s, settings.max_attempts, settings.retry_delay_s)
        sweeping = SweepPolicy(settings.stale_hint_s, settings.retention_days * 86400.0)
        shared = settings.require_api_key
        store = open_store(settings)
        requests = Rate(settings.max_requests_per_s, 2.0 * settings.max_requests_per_s)
        metrics = Metrics(database, store, settings.lease_s)
        return cls(
            settings=settings,
            keys=keys,
            tokens=tokens,
            database=database,
            table=JobTable(database, limits),
            store=store,
            sweeper=Sweeper(database, lease, sweeping),
            broker=connect(settings.broker),
            metrics=metrics,
            uploads=_slots(settings.max_uploads, settings.max_uploads_per_client, shared),
            streams=_slots(settings.max_event_streams, settings.max_event_streams_per_client, shared),
            documents=_slots(DOCUMENTS, DOCUMENTS_PER_CLIENT, shared),
            requests=requests,
            turns=Turns(TURNS_PER_CLIENT if shared else THREADS),
            webhooks=Webhooks(settings, database),
            polls=Polls(database, _followers(keys, requests), metrics),
        )

    def close(self) -> None:
        """Release connections."""
        self.broker.close()
        self.database.close()


def _slots(total: int, per_client: int, is_shared: bool) -> Slots:
    return Slots(total, per_client if is_shared else total)


def _followers(keys: KeyRing, requests: Rate) -> ClientOf:
    """Clients who may follow jobs, by their API key; whoever is to be refused, or comes with a token, is not known."""

    def client_of(authorization: str) -> str | None:
        scheme, _, secret = authorization.partition(" ")
        principal = keys.principal_of(secret.strip()) if scheme.lower() == "bearer" else None
        if principal is None or not principal.may("GET", FOLLOWED_JOB) or not requests.allows(principal.client):
            return None
        return principal.client

    return client_of


async def services_of(request: Request) -> Services:
    """The services of the running application."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


async def client_of(request: Request, services: ServicesDep) -> str:
    """Authenticated client; runs before any body is read.

    Raises
    ------
    UnauthorizedError
        A key is required and this is none of ours.
    ForbiddenError, CrossSiteError
        Of a client that may not do this, or that does not know what its browser does.
    TooManyRequestsError
        This client asks faster than it may.
    """
    request.state.is_admin = not services.settings.require_api_key
    if request.state.is_admin:
        refuse_other_sites(request)
        return LOCAL_CLIENT
    principal = await _principal(request, services)
    client, request.state.is_admin = principal.client, Role.ADMIN in principal.roles
    jsonlog.add(client=client)
    if not principal.may(request.method, getattr(request.scope.get("route"), "path", "")):
        raise ForbiddenError("this key or token lacks the role for that: submit, read or admin")
    if not services.requests.allows(client):
        raise TooManyRequestsError("this client sends too many requests")
    return client


async def _principal(request: Request, services: Services) -> Principal:
    """Of the API key or the access token that the request carries."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    secret, principal = secret.strip(), None
    if scheme.lower() == "bearer" and secret:
        principal = services.keys.principal_of(secret)
        if principal is None and services.tokens is not None and secret.count(".") == DOTS_OF_A_TOKEN:
            principal = await run_in_threadpool(services.tokens.principal_of, secret)
    if principal is not None:
        return principal
    address = request.client.host if request.client else ""
    if secret and not services.wrong_keys.allows(address):
        await asyncio.sleep(WRONG_KEY_S)
    raise UnauthorizedError("send an API key or an access token: Authorization: Bearer <key>")


ClientDep = Annotated[str, Depends(client_of)]


async def address_of(request: Request, services: ServicesDep) -> str:
    """Who asks without a key, by address; a client's name has no space.

    Raises
    ------
    TooManyRequestsError
        This address asks faster than a client may.
    """
    address = f"address {request.client.host if request.client else ''}"
    if not services.requests.allows(address):
        raise TooManyRequestsError("this address sends too many requests")
    return address


AddressDep = Annotated[str, Depends(address_of)]


async def job_id_of(
    _client: ClientDep,
    job_id: Annotated[str, Path(json_schema_extra={"format": "uuid"}, examples=[JOB_ID])],
) -> str:
    """A job id in its canonical form; the key is checked first.

    Raises
    ------
    JobNotFoundError
        Not a UUID, so there cannot be such a job.
    """
    try:
        canonical = str(uuid.UUID(job_id))
    except ValueError:
        raise JobNotFoundError("no such job") from None
    jsonlog.add(job_id=canonical)
    return canonical


JobIdDep = Annotated[str, Depends(job_id_of)]
