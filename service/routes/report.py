"""``GET /jobs/{job_id}/report.html`` and ``report.pdf``: one page of a result, made when it is asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import APIRouter, Response

from lumbar3d import __version__
from lumbar3d.artifacts import REPORT_PAGE, REPORTS, RESULT, Artifact
from lumbar3d.export.report.content import Heading, signed
from lumbar3d.export.report.making import made
from lumbar3d.export.report.page import POLICY
from lumbar3d.jobs.records import status
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep
from lumbar3d.service.routes.artifacts import BYTES, NO_FILE, SENT, IfNoneMatch, open_file, record_read
from lumbar3d.service.routes.responses import ANY_JOB, Documented, documented, is_current

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


def _answers(artifact: Artifact) -> Documented:
    return {
        200: {
            "description": artifact.contents,
            "headers": SENT,
            "content": {artifact.media_type: {"schema": {"type": "string"} if artifact is REPORT_PAGE else BYTES}},
        },
        304: {"description": "The same as the ETag in If-None-Match", "headers": {"ETag": SENT["ETag"]}},
        **documented(*ANY_JOB, *NO_FILE, "precondition_failed"),
    }


def _route(artifact: Artifact) -> Callable[..., object]:
    async def send(
        job_id: JobIdDep, services: ServicesDep, client: ClientDep, if_none_match: IfNoneMatch = None
    ) -> Response:
        source, heading = await services.turns.take(client, lambda: told(services, job_id, client))
        etag = f'"{hashlib.sha256(f"{artifact.operation} {__version__} {source}".encode()).hexdigest()}"'
        headers = {
            "ETag": etag,
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'inline; filename="{job_id}-{artifact.file}"',
        }
        if artifact is REPORT_PAGE:
            headers["Content-Security-Policy"] = POLICY
        if is_current(if_none_match, etag):
            return Response(status_code=304, headers=headers)
        content = await services.turns.take(client, lambda: _make(services, job_id, client, (artifact, etag, heading)))
        return Response(content, media_type=artifact.media_type, headers=headers)

    return send


for _artifact in REPORTS:
    ROUTER.add_api_route(
        _artifact.address,
        _route(_artifact),
        name=_artifact.operation,
        summary=_artifact.summary,
        description=_artifact.remark,
        response_model=None,
        response_class=Response,
        responses=_answers(_artifact),
    )


def heading_of(services: Services, job_id: str, client: str) -> Heading:
    """What the job's row says of a report."""
    job = services.table.get(job_id, client)
    row = status(job, None)
    ended = datetime.fromtimestamp(job.finished_s or job.updated_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Heading(
        job=job_id, made=ended, reference=row.reference or "", review=signed(row.review), revision=row.revision
    )


def reader(services: Services, client: str, heading: Heading) -> Callable[[str], bytes]:
    """Gives the stored files of one revision by their names, whatever becomes the current one meanwhile."""

    def read(name: str) -> bytes:
        file = open_file(services, heading.job, client, name, heading.revision)
        with os.fdopen(file.descriptor, "rb") as stream:
            return stream.read()

    return read


def told(services: Services, job_id: str, client: str) -> tuple[str, Heading]:
    """What a report is made of, in one text, and its heading: the result, and what the job's row says of it."""
    heading = heading_of(services, job_id, client)
    stored = open_file(services, job_id, client, RESULT.file, heading.revision)
    os.close(stored.descriptor)
    return f"{stored.sha256} {heading}", heading


def _make(services: Services, job_id: str, client: str, asked: tuple[Artifact, str, Heading]) -> bytes:
    artifact, etag, heading = asked
    record_read(services, job_id, client, artifact.file)
    return services.made.get(job_id, etag, lambda: made(artifact, reader(services, client, heading), heading))
