"""``GET /audit``: the audit log, for keys with the role admin."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from lumbar3d.jobs import audit
from lumbar3d.service.access import AUDIT
from lumbar3d.service.deps import ClientDep, ServicesDep
from lumbar3d.service.routes.responses import ANY_CLIENT, documented

ROUTER = APIRouter(tags=["operation"])
LARGEST = 2**53 - 1
"""Whole numbers beyond it are not the same in every JSON reader, and those beyond 64 bits no database takes."""


class AuditEntry(BaseModel):
    """One thing that happened to a job."""

    id: int
    at: str
    job_id: str
    actor: str
    event: str
    code: str | None


@ROUTER.get(
    AUDIT,
    summary="Who did what and when",
    response_model=list[AuditEntry],
    responses=documented(*ANY_CLIENT, "invalid_request"),
)
async def trail(
    services: ServicesDep,
    client: ClientDep,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="id of a row")] = 0,
) -> list[AuditEntry]:
    """The next rows behind one, at most 1000; an empty list is the end. Needs the role admin."""
    rows = await services.turns.take(client, lambda: audit.page(services.database, after))
    return [AuditEntry(**vars(row)) for row in rows]
