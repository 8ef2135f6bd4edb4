"""``GET /jobs/{job_id}/dicom.zip``: results in the study of the films, made when they are asked for."""

from __future__ import annotations

import hashlib
import os

from fastapi import APIRouter, Response

from lumbar3d.artifacts import DICOM, RESULT
from lumbar3d.jobs import identity
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep
from lumbar3d.service.errors import IdentityUnavailableError, SourceNotDicomError
from lumbar3d.service.routes.artifacts import BYTES, NO_FILE, SENT, IfNoneMatch, open_file, record_read
from lumbar3d.service.routes.responses import ANY_JOB, Documented, documented, is_current

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["results"])
ANSWERS: Documented = {
    200: {
        "description": DICOM.contents,
        "headers": SENT,
        "content": {DICOM.media_type: {"schema": BYTES}},
    },
    304: {"description": "The same as the ETag in If-None-Match", "headers": {"ETag": SENT["ETag"]}},
    **documented(*ANY_JOB, "source_not_dicom", *NO_FILE, "identity_unavailable"),
}


@ROUTER.get(
    DICOM.address,
    name=DICOM.operation,
    summary=DICOM.summary,
    description=DICOM.remark,
    response_model=None,
    response_class=Response,
    responses=ANSWERS,
)
async def dicom(
    job_id: JobIdDep, services: ServicesDep, client: ClientDep, if_none_match: IfNoneMatch = None
) -> Response:
    """All objects in one archive."""
    content = await services.turns.take(client, lambda: _made(services, job_id, client))
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'inline; filename="{job_id}-{DICOM.file}"',
    }
    if is_current(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    await services.turns.take(client, lambda: record_read(services, job_id, client, DICOM.file))
    return Response(content, media_type=DICOM.media_type, headers=headers)


def _made(services: Services, job_id: str, client: str) -> bytes:
    os.close(open_file(services, job_id, client, RESULT.file).descriptor)  # first whether there is a result at all
    identifiers = _identifiers(services, job_id, client)
    from lumbar3d.dicom_out.archive import dicom_archive  # a second of imports that few services need
    from lumbar3d.dicom_out.source import missing

    if lacking := missing(identifiers):
        raise SourceNotDicomError(f"no DICOM identifiers of an instance in: {', '.join(lacking)}")
    job = services.table.get(job_id, client)
    return dicom_archive(job_id, job.updated_s, identifiers, lambda name: _read(services, job_id, client, name))


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


def _read(services: Services, job_id: str, client: str, name: str) -> bytes:
    file = open_file(services, job_id, client, name)
    with os.fdopen(file.descriptor, "rb") as stream:
        return stream.read()
