"""``/healthz``, ``/readyz``, ``/metrics``: for machines, without a key."""

from __future__ import annotations

import os

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service import problems
from service.deps import Services, ServicesDep
from service.routes.responses import Documented

ROUTER = APIRouter(tags=["operation"])
TEXT: Documented = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
NOT_READY: Documented = {
    503: {
        "description": "A part that submissions need does not work (`not_ready`); `checks` names it",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


@ROUTER.get("/healthz", summary="Is the process alive")
async def health() -> dict[str, str]:
    """Touches nothing else."""
    return {"status": "ok"}


@ROUTER.get("/readyz", summary="Can jobs be accepted", responses=NOT_READY, response_model=dict[str, str])
def ready(services: ServicesDep) -> Response | dict[str, str]:
    """Job table and store. The broker is not asked: jobs are accepted without it and wait."""
    checks = {"database": _database(services), "store": _store(services)}
    if all(checks.values()):
        return {name: "ok" for name in checks}
    failed = {name: "ok" if works else "failed" for name, works in checks.items()}
    return problems.response("not_ready", 503, None, None, checks=failed)


@ROUTER.get("/metrics", summary="Prometheus metrics", response_class=Response, responses=TEXT)
def metrics(services: ServicesDep) -> Response:
    """Counts and times; no ids, no input."""
    return Response(services.metrics.render(), media_type=CONTENT_TYPE_LATEST)


def _database(services: Services) -> bool:
    try:
        services.database.check()
    except Exception:
        return False
    return True


def _store(services: Services) -> bool:
    return os.access(services.settings.data_dir / "staging", os.W_OK)
