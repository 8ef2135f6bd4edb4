"""``GET /jobs/{job_id}/compare/{other_id}``: two examinations of one person."""

from __future__ import annotations

import json
import os
from typing import Annotated

from fastapi import APIRouter, Path, Query

from lumbar3d.artifacts import RESULT
from lumbar3d.compare import NothingInCommonError, compare
from lumbar3d.contracts import Comparison, ReconstructionResult
from lumbar3d.export.result_reader import read_result
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep, job_id_of
from lumbar3d.service.errors import NotComparableError
from lumbar3d.service.routes.artifacts import NO_FILE, Revision, hold, record_read
from lumbar3d.service.routes.responses import ANY_JOB, documented

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@ROUTER.get(
    "/compare/{other_id}",
    name="compare",
    summary="Two results of one person",
    response_model=Comparison,
    responses=documented(*ANY_JOB, *NO_FILE, "not_comparable", "invalid_request"),
)
async def show(
    job_id: JobIdDep,
    other_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
    services: ServicesDep,
    client: ClientDep,
    revision: Revision = None,
    against: Annotated[int | None, Query(ge=1, le=9999, description="Number of the other's revision")] = None,
) -> Comparison:
    """Changes from the first to the second, of each vertebra on the one below it, with what can be detected at all."""
    other = await job_id_of(client, other_id)

    def compared() -> Comparison:
        a, b = _result(services, job_id, client, revision), _result(services, other, client, against)
        try:
            return compare(a, b, (job_id, other))
        except NothingInCommonError as error:
            raise NotComparableError(str(error)) from None

    return await services.turns.take(client, compared)


def _result(services: Services, job_id: str, client: str, revision: int | None) -> ReconstructionResult:
    held = hold(services, job_id, client, RESULT.file, revision)
    with os.fdopen(held.file.descriptor, "rb") as file:  # and closed, also where the reading cannot be recorded
        record_read(services, job_id, client, RESULT.file)
        document = json.loads(file.read()) | held.told()
    return read_result(json.dumps(document).encode())
