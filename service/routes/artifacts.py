"""What a finished job gives: the result document, meshes, overlay, pictures."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from jobs import audit
from jobs.bundles import OpenFile
from jobs.errors import BundleLostError
from lumbar3d.contracts import LEVELS, VIEWS, ReconstructionResult
from service.deps import ClientDep, JobIdDep, Services, ServicesDep
from service.errors import NoResultError, NotFoundError, ResultNotReadyError
from service.routes.responses import CheckedFile, Documented, is_current, problems

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["results"])
MEDIA_TYPES = {
    "json": "application/json",
    "stl": "model/stl",
    "zip": "application/zip",
    "glb": "model/gltf-binary",
    "png": "image/png",
}
NOT_DONE = "Not finished (`result_not_ready`, with Retry-After), or ended without a result (`no_result`)."
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]


def _documented(media_type: str, description: str) -> Documented:
    schema = {"type": "object"} if media_type == "application/json" else {"type": "string", "format": "binary"}
    return {
        200: {"description": description, "content": {media_type: {"schema": schema}}},
        206: {"description": "The part that the Range header asked for"},
        304: {"description": "The same as the ETag in If-None-Match"},
        **problems(401, 403, 404, 409, 410, 429, 503, status_409=NOT_DONE),
    }


@ROUTER.get(
    "/result",
    summary="The reconstruction without its meshes",
    response_model=None,
    responses={
        200: {"description": "Poses, coefficients, landmarks, quality, measurements", "model": ReconstructionResult},
        304: {"description": "The same as the ETag in If-None-Match"},
        **problems(401, 403, 404, 409, 410, 429, 503, status_409=NOT_DONE),
    },
)
async def result(
    job_id: JobIdDep, services: ServicesDep, client: ClientDep, if_none_match: IfNoneMatch = None
) -> Response:
    """All lengths in mm, all angles in degrees, in the world frame of the calibration."""
    return await _send(services, job_id, client, "result.json", if_none_match)


@ROUTER.get(
    "/meshes/{level}.stl",
    summary="One vertebra as binary STL",
    response_model=None,
    responses=_documented("model/stl", "Surface in mm, world frame"),
)
async def mesh(
    job_id: JobIdDep,
    level: Annotated[str, Path(json_schema_extra={"enum": list(LEVELS)})],
    services: ServicesDep,
    client: ClientDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """L1 to L5."""
    _one_of(level, LEVELS)
    return await _send(services, job_id, client, f"{level}.stl", if_none_match)


@ROUTER.get(
    "/meshes.zip",
    summary="All vertebrae as STL in one ZIP",
    response_model=None,
    responses=_documented("application/zip", "L1.stl to L5.stl"),
)
async def meshes(
    job_id: JobIdDep, services: ServicesDep, client: ClientDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Surfaces in mm, world frame."""
    return await _send(services, job_id, client, "meshes.zip", if_none_match)


@ROUTER.get(
    "/spine.glb",
    summary="The spine as one GLB scene",
    response_model=None,
    responses=_documented("model/gltf-binary", "One node a level"),
)
async def scene(
    job_id: JobIdDep, services: ServicesDep, client: ClientDep, if_none_match: IfNoneMatch = None
) -> Response:
    """For viewers; the STL files are the measure."""
    return await _send(services, job_id, client, "spine.glb", if_none_match)


@ROUTER.get(
    "/overlay.json",
    summary="Outlines of the reconstruction in the two images",
    response_model=None,
    responses=_documented("application/json", "Polylines and landmarks a view and level, in pixels of the two PNGs"),
)
async def overlay(
    job_id: JobIdDep, services: ServicesDep, client: ClientDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Draw it over the images of the same job."""
    return await _send(services, job_id, client, "overlay.json", if_none_match)


@ROUTER.get(
    "/images/{view}.png",
    summary="A radiograph as the network saw it",
    response_model=None,
    responses=_documented("image/png", "8-bit grey on the network's grid"),
)
async def image(
    job_id: JobIdDep,
    view: Annotated[str, Path(json_schema_extra={"enum": list(VIEWS)})],
    services: ServicesDep,
    client: ClientDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """For looking at, not for diagnosis."""
    _one_of(view, VIEWS)
    return await _send(services, job_id, client, f"{view}.png", if_none_match)


def _one_of(name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise NotFoundError("no such level or view")


async def _send(services: Services, job_id: str, client: str, name: str, if_none_match: str | None) -> Response:
    """One file of the bundle that the job committed, whole and as it was written; Range requests are answered."""
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
    return CheckedFile(stored, MEDIA_TYPES[name.rpartition(".")[2]], headers)


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
    """Nobody reads a result without a trace of it."""
    with services.database.write() as connection:
        audit.record(connection, job_id, client, "read", name)
