"""``/healthz``, ``/readyz``, ``/version``, ``/metrics``: for machines, without a key.

What asks table or store has the limits of a client, by the address that asks.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from lumbar3d import __version__
from lumbar3d.jobs.errors import StoreUnavailableError
from lumbar3d.jobs.presence import READY, count_workers
from lumbar3d.service import problems
from lumbar3d.service.deps import AddressDep, Services, ServicesDep
from lumbar3d.service.routes.responses import Documented, documented

ROUTER = APIRouter(tags=["operation"])
OK, NONE, FAILED = "ok", "none", "failed"
TEXT: Documented = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
TOO_MANY = documented("too_many_requests")
NOT_READY = documented("not_ready", "too_many_requests")


@ROUTER.get("/healthz", summary="Is the process alive")
async def health() -> dict[str, str]:
    """Touches nothing else."""
    return {"status": "ok"}


@ROUTER.get("/readyz", summary="Can jobs be accepted", responses=NOT_READY, response_model=dict[str, str])
async def ready(services: ServicesDep, address: AddressDep) -> Response | dict[str, str]:
    """Job table, store, workers. The broker is not asked, and no worker at all is `none` and ready: jobs wait.

    Not ready are workers of which none can load its engine: the check then has the code, `corrupt_asset` for instance.
    """
    checks = await services.turns.take(address, lambda: _checks(services))
    if set(checks.values()) <= {OK, NONE}:
        return checks
    return problems.response("not_ready", None, None, checks=checks)


@ROUTER.get("/version", summary="Version of the service")
async def version() -> dict[str, str]:
    """Of its program; a result says by itself which program and which models have made it."""
    return {"version": __version__}


@ROUTER.get("/metrics", summary="Prometheus metrics", response_class=Response, responses=TEXT | TOO_MANY)
async def metrics(services: ServicesDep, address: AddressDep) -> Response:
    """Counts and times; no ids, no input."""
    text = await services.turns.take(address, services.metrics.render)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _checks(services: Services) -> dict[str, str]:
    return {"database": _database(services), "store": _store(services), "workers": _workers(services)}


def _database(services: Services) -> str:
    try:
        services.database.check()
    except Exception:
        return FAILED
    return OK


def _store(services: Services) -> str:
    try:
        services.store.check()
    except StoreUnavailableError:
        return FAILED
    return OK


def _workers(services: Services) -> str:
    """``ok`` where one is ready, ``none`` where none was heard of, else what keeps them."""
    try:
        found = count_workers(services.database, services.settings.lease_s)
    except Exception:
        return NONE  # the check of the database says it
    return OK if READY in found else next(iter(sorted(found)), NONE)
