"""Routes of a job's artifacts, built from their table: as they are stored, or made of what is when asked for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from lumbar3d import __version__
from lumbar3d.artifacts import ARTIFACTS, EVIDENCE, KEPT, OVERLAY, RESULT, Artifact
from lumbar3d.contracts import FrameName, JobState
from lumbar3d.export.conversions import STORED_FRAME, convert, is_made, stored_files
from lumbar3d.jobs import audit, records
from lumbar3d.jobs.bundles import OpenFile
from lumbar3d.jobs.errors import BundleLostError
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.revisions import holder
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep
from lumbar3d.service.errors import NoResultError, NotFoundError, ResultNotReadyError
from lumbar3d.service.routes.responses import ANY_JOB, CheckedFile, Documented, documented, is_current

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["results"])
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]
BYTES: dict[str, object] = {"type": "string", "format": "binary"}
SENT = {
    "ETag": {"description": "Of these bytes; strong", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "Name to save it under: job and file", "schema": {"type": "string"}},
}
PART = {**SENT, "Content-Range": {"description": "Which part of how many bytes", "schema": {"type": "string"}}}
NO_FILE = ("not_found", "result_not_ready", "no_result", "result_lost", "store_unavailable", "storage_full")


Revision = Annotated[
    int | None, Query(ge=1, le=9999, description="Number of a revision; the current one where it is left out")
]
Frame = Annotated[
    FrameName,
    Query(description="Axes: srs is the world frame; lps is DICOM's, which 3D Slicer takes meshes for"),
]


@dataclass(frozen=True)
class Asked:
    """One file of one job, for one client.

    Attributes
    ----------
    artifact : Artifact
    name : str
        Of the file.
    frame : str
    if_none_match : str or None
    revision : int or None
        None: the current one.
    """

    artifact: Artifact
    name: str
    frame: FrameName
    if_none_match: str | None
    revision: int | None = None

    @property
    def is_made(self) -> bool:
        """Whether it is not stored as it is asked for; a result is told with its sign-off."""
        return is_made(self.artifact, self.frame) or self.name == RESULT.file

    def etag(self, stored: Sequence[OpenFile], told: str) -> str:
        """Of the file, or of what it is made of and how: two releases may make it differently."""
        sha256 = " ".join(each.sha256 for each in stored)
        if not self.is_made:
            return f'"{sha256}"'
        how = f"{sha256} {self.artifact.operation} {self.frame} {__version__} {told}"
        return f'"{hashlib.sha256(how.encode()).hexdigest()}"'


def _whole(artifact: Artifact) -> Callable[..., object]:
    name = artifact.name()

    async def send(
        job_id: JobIdDep,
        services: ServicesDep,
        client: ClientDep,
        revision: Revision = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        return await _send(services, job_id, client, Asked(artifact, name, STORED_FRAME, if_none_match, revision))

    async def send_framed(
        job_id: JobIdDep,
        services: ServicesDep,
        client: ClientDep,
        frame: Frame = STORED_FRAME,
        revision: Revision = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        return await _send(services, job_id, client, Asked(artifact, name, frame, if_none_match, revision))

    return send_framed if artifact.is_framed else send


def _each(artifact: Artifact) -> Callable[..., object]:
    def name_of(value: str) -> str:
        if value not in artifact.values:
            raise NotFoundError(f"no such {artifact.parameter}")
        return artifact.name(value)

    async def send(
        job_id: JobIdDep,
        services: ServicesDep,
        client: ClientDep,
        value: str = Path(alias=artifact.parameter, json_schema_extra={"enum": list(artifact.values)}),
        revision: Revision = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        asked = Asked(artifact, name_of(value), STORED_FRAME, if_none_match, revision)
        return await _send(services, job_id, client, asked)

    async def send_framed(
        job_id: JobIdDep,
        services: ServicesDep,
        client: ClientDep,
        value: str = Path(alias=artifact.parameter, json_schema_extra={"enum": list(artifact.values)}),
        frame: Frame = STORED_FRAME,
        revision: Revision = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        asked = Asked(artifact, name_of(value), frame, if_none_match, revision)
        return await _send(services, job_id, client, asked)

    return send_framed if artifact.is_framed else send


def _documented(artifact: Artifact) -> Documented:
    content = {"content": {artifact.media_type: {"schema": _schema(artifact)}}}
    is_json = artifact.media_type.endswith("json")
    part = {"headers": PART} if is_json else {"content": {artifact.media_type: {"schema": BYTES}}, "headers": PART}
    return {
        200: {"description": artifact.contents, "headers": SENT, **content},
        **(
            {}
            if artifact.sources or artifact is RESULT
            else {206: {"description": "The part that the Range header asked for", **part}}
        ),
        304: {"description": "The same as the ETag in If-None-Match", "headers": {"ETag": SENT["ETag"]}},
        **documented(*ANY_JOB, *NO_FILE, "precondition_failed", "invalid_request"),
    }


def _schema(artifact: Artifact) -> dict[str, object]:
    named = {RESULT.operation: "ReconstructionResult", OVERLAY.operation: "Overlay"}
    if artifact.operation in named:
        return {"$ref": f"#/components/schemas/{named[artifact.operation]}"}
    if artifact.media_type.startswith("text/"):
        return {"type": "string"}
    return {"type": "object"} if artifact.media_type.endswith("json") else BYTES


for _artifact in (*ARTIFACTS, *KEPT):
    ROUTER.add_api_route(
        _artifact.address,
        _each(_artifact) if _artifact.values else _whole(_artifact),
        name=_artifact.operation,
        summary=_artifact.summary,
        description=_artifact.remark,
        response_model=None,
        response_class=Response,
        responses=_documented(_artifact),
    )


@dataclass(frozen=True)
class Held:
    """One open file with the jobs that it belongs to; ``holder`` is the job whose bundle it lies in."""

    file: OpenFile
    job: Job
    holder: Job

    @property
    def number(self) -> int:
        """Of the revision."""
        return self.holder.revision if self.holder.parent_id else 1

    def told(self) -> dict[str, object]:
        """What a result is told with, beside what its engine wrote."""
        review = records.review(self.job)
        status = records.status(self.holder, None)
        return {
            "reference": status.reference,
            "inputs": status.inputs.model_dump() if status.inputs else None,
            "revision": self.number,
            "review": review.model_dump() if review and self.number == self.job.revision else None,
        }


async def _send(services: Services, job_id: str, client: str, asked: Asked) -> Response:
    """One file of the bundle that the job committed, whole and as it was written, or what is made of it.

    Range requests are answered for what is stored.
    """
    held = await services.turns.take(client, lambda: _hold_all(services, job_id, client, asked))
    asked = replace(asked, revision=held[0].number)  # another may become the current one before this is sent
    files = [each.file for each in held]
    told = json.dumps(held[0].told()) if RESULT.file in stored_files(asked.artifact, asked.name) else ""
    headers = {
        "ETag": asked.etag(files, told),
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'inline; filename="{job_id}-{asked.name}"',
    }
    if is_current(asked.if_none_match, headers["ETag"]):
        _close(files)
        return Response(status_code=304, headers=headers)
    if asked.is_made:
        _close(files)
        content = await services.turns.take(client, lambda: _make(services, job_id, client, asked, told))
        return Response(content, media_type=asked.artifact.media_type, headers=headers)
    try:
        await services.turns.take(client, lambda: record_read(services, job_id, client, asked.name))
    except BaseException:
        _close(files)
        raise
    return CheckedFile(files[0], asked.artifact.media_type, headers)


def _hold_all(services: Services, job_id: str, client: str, asked: Asked) -> list[Held]:
    """What a file is, or is made of; all of it or none, and all of one revision."""
    held: list[Held] = []
    with ExitStack() as opened:
        for name in stored_files(asked.artifact, asked.name):
            one = hold(services, job_id, client, name, held[0].number if held else asked.revision)
            opened.callback(os.close, one.file.descriptor)
            held.append(one)
        opened.pop_all()
    return held


def _close(files: Sequence[OpenFile]) -> None:
    for file in files:
        os.close(file.descriptor)


def _make(services: Services, job_id: str, client: str, asked: Asked, told: str) -> bytes:
    """In one turn: a request that is given up while it waits leaves no file open."""
    record_read(services, job_id, client, asked.name)
    files = [each.file for each in _hold_all(services, job_id, client, asked)]
    contents = []
    for name, stored in zip(stored_files(asked.artifact, asked.name), files, strict=True):
        with os.fdopen(stored.descriptor, "rb") as file:
            contents.append(_composed(file.read(), told) if name == RESULT.file else file.read())
    if asked.name == RESULT.file:
        return contents[0]
    if not asked.artifact.sources:
        return convert(asked.artifact, contents, asked.frame)
    key = asked.etag(files, told)
    return services.made.get(job_id, key, lambda: convert(asked.artifact, contents, asked.frame))


def _composed(stored: bytes, told: str) -> bytes:
    """The stored result with what it is told with."""
    return json.dumps(json.loads(stored) | json.loads(told), separators=(",", ":")).encode()


def open_file(services: Services, job_id: str, client: str, name: str, revision: int | None = None) -> OpenFile:
    """One file of a job's result, audited by whoever sends it.

    Raises
    ------
    ResultNotReadyError, NoResultError, NotFoundError, BundleLostError
    """
    return hold(services, job_id, client, name, revision).file


def hold(services: Services, job_id: str, client: str, name: str, revision: int | None = None) -> Held:
    """One file of the current or another revision of an examination.

    Raises
    ------
    ResultNotReadyError, NoResultError, NotFoundError, BundleLostError
    """
    job = services.table.get(job_id, client)
    if not job.is_final:
        raise ResultNotReadyError("the job has not ended yet")
    source = holder(services.database, job, revision)
    if source is None:
        raise NotFoundError("there is no such revision")
    is_evidence = any(name == file for artifact in EVIDENCE for _, file in artifact.files())
    if source.result_bundle is None or (source.state != JobState.SUCCEEDED and not is_evidence):
        raise NoResultError("the job ended without a result")
    try:
        stored = services.store.open(source.result_bundle, name)
    except BundleLostError:
        services.table.get(job_id, client)  # erased in between: there is no such job any more, and nothing was lost
        raise
    if stored is None:
        raise NotFoundError("the job has no such file")
    return Held(stored, job, source)


def record_read(services: Services, job_id: str, client: str, name: str) -> None:
    """Audit of a reading: no result is read without a trace."""
    with services.database.write() as connection:
        audit.record(connection, job_id, client, "read", name)
