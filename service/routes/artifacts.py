"""Routes of a job's artifacts, built from their table."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from lumbar3d.artifacts import ARTIFACTS, RESULT, Artifact
from lumbar3d.contracts import ReconstructionResult
from lumbar3d.jobs import audit
from lumbar3d.jobs.bundles import OpenFile
from lumbar3d.jobs.errors import BundleLostError
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep
from lumbar3d.service.errors import NoResultError, NotFoundError, ResultNotReadyError
from lumbar3d.service.routes.responses import ANY_JOB, CheckedFile, Documented, documented, is_current

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["results"])
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]
NO_FILE = ("not_found", "result_not_ready", "no_result", "result_lost", "store_unavailable")


def _whole(artifact: Artifact) -> Callable[..., object]:
    async def send(
        job_id: JobIdDep, services: ServicesDep, client: ClientDep, if_none_match: IfNoneMatch = None
    ) -> Response:
        return await _send(services, job_id, client, artifact, "", if_none_match)

    return send


def _each(artifact: Artifact) -> Callable[..., object]:
    async def send(
        job_id: JobIdDep,
        services: ServicesDep,
        client: ClientDep,
        value: str = Path(alias=artifact.parameter, json_schema_extra={"enum": list(artifact.values)}),
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        if value not in artifact.values:
            raise NotFoundError(f"no such {artifact.parameter}")
        return await _send(services, job_id, client, artifact, value, if_none_match)

    return send


def _documented(artifact: Artifact) -> Documented:
    schema = {"type": "object"} if artifact.media_type == "application/json" else {"type": "string", "format": "binary"}
    content = {"content": {artifact.media_type: {"schema": schema}}}
    return {
        200: {
            "description": artifact.contents,
            **({"model": ReconstructionResult} if artifact is RESULT else content),
        },
        206: {"description": "The part that the Range header asked for"},
        304: {"description": "The same as the ETag in If-None-Match"},
        **documented(*ANY_JOB, *NO_FILE),
    }


for _artifact in ARTIFACTS:
    ROUTER.add_api_route(
        _artifact.address,
        _each(_artifact) if _artifact.values else _whole(_artifact),
        name=_artifact.operation,
        summary=_artifact.summary,
        description=_artifact.remark,
        response_model=None,
        responses=_documented(_artifact),
    )


async def _send(
    services: Services, job_id: str, client: str, artifact: Artifact, value: str, if_none_match: str | None
) -> Response:
    """One file of the bundle that the job committed, whole and as it was written; Range requests are answered."""
    name = artifact.name(value)
    stored = await services.turns.take(client, lambda: _open(services, job_id, client, name))
    headers = {"ETag": f'"{stored.sha256}"', "Cache-Control": "private, no-cache"}
    if is_current(if_none_match, headers["ETag"]):
        os.close(stored.descriptor)
        return Response(status_code=304, headers=headers)
    try:
        await services.turns.take(client, lambda: _record(services, job_id, client, name))
    except BaseException:
        os.close(stored.descriptor)
        raise
    return CheckedFile(stored, artifact.media_type, headers)


def _open(services: Services, job_id: str, client: str, name: str) -> OpenFile:
    job = services.table.get(job_id, client)
    if not job.is_final:
        raise ResultNotReadyError("the job has not ended yet")
    if job.result_bundle is None:
        raise NoResultError("the job ended without a result")
    try:
        stored = services.store.open(job.result_bundle, name)
    except BundleLostError:
        services.table.get(job_id, client)  # erased in between: there is no such job any more, and nothing was lost
        raise
    if stored is None:
        raise NotFoundError("the job has no such file")
    return stored


def _record(services: Services, job_id: str, client: str, name: str) -> None:
    """Audit of a reading: no result is read without a trace."""
    with services.database.write() as connection:
        audit.record(connection, job_id, client, "read", name)
