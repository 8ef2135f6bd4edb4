"""``GET /jobs/{job_id}/dicom.zip`` and ``segmentation.dcm``: results in the study of the films, made when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from fastapi import APIRouter, Response

from lumbar3d.artifacts import DICOM, SEGMENTATION, Artifact
from lumbar3d.jobs import identity
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep
from lumbar3d.service.errors import IdentityUnavailableError, SourceNotDicomError
from lumbar3d.service.routes.artifacts import BYTES, NO_FILE, SENT, IfNoneMatch, record_read
from lumbar3d.service.routes.report import reader, told
from lumbar3d.service.routes.responses import ANY_JOB, Documented, documented, is_current

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


def _answers(artifact: Artifact) -> Documented:
    return {
        200: {
            "description": artifact.contents,
            "headers": SENT,
            "content": {artifact.media_type: {"schema": BYTES}},
        },
        304: {"description": "The same as the ETag in If-None-Match", "headers": {"ETag": SENT["ETag"]}},
        **documented(*ANY_JOB, "source_not_dicom", *NO_FILE, "precondition_failed", "identity_unavailable"),
    }


def _route(artifact: Artifact) -> Callable[..., object]:
    async def send(
        job_id: JobIdDep, services: ServicesDep, client: ClientDep, if_none_match: IfNoneMatch = None
    ) -> Response:
        content = await services.turns.take(client, lambda: _made(services, job_id, client, artifact))
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        headers = {
            "ETag": etag,
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'inline; filename="{job_id}-{artifact.file}"',
        }
        if is_current(if_none_match, etag):
            return Response(status_code=304, headers=headers)
        await services.turns.take(client, lambda: record_read(services, job_id, client, artifact.file))
        return Response(content, media_type=artifact.media_type, headers=headers)

    return send


for _artifact in (DICOM, SEGMENTATION):
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


def _made(services: Services, job_id: str, client: str, artifact: Artifact) -> bytes:
    source, heading = told(services, job_id, client)  # first whether there is a result at all
    identifiers = _identifiers(services, job_id, client)
    from lumbar3d.dicom_out import archive  # a second of imports that few services need
    from lumbar3d.dicom_out.source import missing

    if lacking := missing(identifiers):
        raise SourceNotDicomError(f"no DICOM identifiers of an instance in: {', '.join(lacking)}")
    job = services.table.get(job_id, client)
    write = archive.dicom_archive if artifact is DICOM else archive.dicom_segmentation

    def make() -> bytes:
        """Some seconds of work: for all who ask at the same time once, and not again for a while."""
        ended_s = job.finished_s or job.updated_s
        return write(heading, ended_s, identifiers, reader(services, client, heading))

    return services.made.get(job_id, (artifact.operation, source), make)


def _identifiers(services: Services, job_id: str, client: str) -> identity.Identifiers:
    sealed = services.table.sealed_identity(job_id, client)
    if sealed is None:
        raise SourceNotDicomError("no identifiers were kept of the films of this job")
    key = services.settings.identity_key_text
    if key is None:
        raise IdentityUnavailableError("the identifiers were sealed, and LUMBAR3D_IDENTITY_KEY is not set any more")
    try:
        return identity.unseal(sealed, key)
    except identity.IdentityKeyError as error:
        raise IdentityUnavailableError(str(error)) from None
