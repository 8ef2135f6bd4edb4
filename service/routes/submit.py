"""``POST /reconstruct``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from lumbar3d.contracts import VIEWS, JobStatus
from lumbar3d.jobs.records import status
from lumbar3d.service import examples, intake
from lumbar3d.service.deps import ClientDep, ServicesDep
from lumbar3d.service.routes.responses import ANY_CLIENT, documented

ROUTER = APIRouter(tags=["jobs"])
RETRY_AFTER_S = 2
DESCRIPTION = """Send two calibrated radiographs of one standing patient; the answer comes before the reconstruction.

`ap` and `lat` are DICOM radiographs (DX, CR, XA, RF or SC; one grey frame, compressed or not), or grey PNG, TIFF or
JPEG images, at most 128 MiB and 40 megapixels each. 8 bits and lossy compression are accepted and noted in the result.
`calibration` says where source and detector of each view were (all mm, x anterior, y left, z up). It is needed, unless
`options.geometry` is `from_tags`: then it is built from the tags of both DICOM files, and you state that the room is
orthogonal with a common isocentre.
File names are ignored.

When this answers 202 the job is on disk: it will end, whatever process dies. Send an `Idempotency-Key` (for instance a
UUID) and repeat the request after a lost answer: the same key with the same payload gives the same job."""
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": list(VIEWS),
                    "additionalProperties": False,
                    "properties": {
                        "ap": {"type": "string", "format": "binary", "description": "the anteroposterior radiograph"},
                        "lat": {"type": "string", "format": "binary", "description": "the lateral radiograph"},
                        "calibration": {"$ref": "#/components/schemas/Calibration"},
                        "options": {"$ref": "#/components/schemas/ReconstructOptions"},
                        "reference": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 64,
                            "description": "the client's own name for the examination, opaque and without personal "
                            "data: an accession number or a pseudonym",
                        },
                    },
                },
                "example": {"calibration": examples.CALIBRATION, "options": examples.OPTIONS},
                "encoding": {
                    "calibration": {"contentType": "application/json"},
                    "options": {"contentType": "application/json"},
                },
            }
        },
    }
}
LINKS = {
    "Location": {"description": "Address of the job", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before asking for it", "schema": {"type": "integer"}},
}
ACCEPTED = {"content": {"application/json": {"example": examples.QUEUED}}}
REFUSALS = documented(
    *ANY_CLIENT,
    "upload_timeout",
    "view_mismatch",
    "payload_too_large",
    "image_too_large",
    "unsupported_media_type",
    "unsupported_content_encoding",
    "unsupported_format",
    "invalid_calibration",
    "invalid_options",
    "degenerate_geometry",
    "view_angle_out_of_range",
    "invalid_radiograph",
    "empty_image",
    "invalid_multipart",
    "invalid_reference",
    "invalid_idempotency_key",
    "idempotency_key_reused",
    "too_many_jobs",
    "queue_full",
    "overloaded",
    "store_unavailable",
    "storage_full",
)


@ROUTER.post(
    "/reconstruct",
    status_code=202,
    response_model=JobStatus,
    summary="Submit two radiographs",
    description=DESCRIPTION,
    openapi_extra=BODY,
    responses={202: {"description": "The job is recorded", "headers": LINKS, **ACCEPTED}, **REFUSALS},
)
async def submit(
    request: Request,
    response: Response,
    services: ServicesDep,
    client: ClientDep,
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", description="1 to 255 printable ASCII characters")
    ] = None,
) -> JobStatus:
    """Accept a job."""
    job, is_new = await intake.accept(request, services, client, idempotency_key)
    response.headers["Location"] = f"/jobs/{job.id}"
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers["Cache-Control"] = "no-store"
    if is_new:
        services.metrics.upload_bytes.inc(int(request.headers.get("content-length", "0")))
    return status(job, None)
