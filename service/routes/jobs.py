"""``/jobs/{job_id}``: its state, its events, its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from lumbar3d.contracts import JobStatus
from lumbar3d.jobs.errors import DatabaseUnavailableError, JobNotFoundError
from lumbar3d.jobs.records import status
from lumbar3d.service import examples
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep
from lumbar3d.service.limits import Slots
from lumbar3d.service.polls import Told
from lumbar3d.service.routes.responses import ANY_JOB, Documented, documented, is_current

ROUTER = APIRouter(prefix="/jobs", tags=["jobs"])
EVENT_POLL_S = 0.5
"""A stream looks again after so long, and at once when a query for all has been made."""
ETAG = {"ETag": {"description": "Changes with every change of the job", "schema": {"type": "string"}}}
LOOK: Documented = {
    200: {
        "description": "The job",
        "headers": ETAG,
        "content": {"application/json": {"example": examples.RUNNING}},
    },
    304: {"description": "Nothing changed since the ETag in If-None-Match", "headers": ETAG},
    **documented(*ANY_JOB, "precondition_failed"),
}
EVENTS: Documented = {
    200: {
        "description": "Events named `status`, each with a JobStatus as data; the stream ends when the job did.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **documented(*ANY_JOB, "overloaded"),
}
ERASED = "Lumbar3d-Erased"
FILES = {"result": "artifacts", "images": "uploads"}
CANCEL: Documented = {
    200: {"description": "The job was queued and is cancelled", "model": JobStatus},
    202: {"description": "The job is running and was asked to stop", "model": JobStatus},
    204: {
        "description": "The job had ended; it, its results and its idempotency key are erased",
        "headers": {
            ERASED: {
                "description": "`job, result, images`; what is missing there goes within minutes",
                "schema": {"type": "string"},
            }
        },
    },
    **documented(*ANY_JOB, "revision_kept", "store_unavailable", "storage_full"),
}


@ROUTER.get("/{job_id}", response_model=JobStatus, summary="State of a job", responses=LOOK)
async def look(
    job_id: JobIdDep,
    response: Response,
    services: ServicesDep,
    client: ClientDep,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> JobStatus | Response:
    """State, stage, progress 0-1, place in the queue (1 is next). Poll with If-None-Match, or use the events."""
    if if_none_match and (kept := await services.polls.is_unchanged(job_id, if_none_match, client)):
        return Response(status_code=304, headers=kept.headers)
    since_s = time.monotonic()
    job, position = await services.turns.take(client, lambda: services.table.look(job_id, client))
    told = Told.of(job, position, since_s)
    services.polls.keep(job_id, told)
    if is_current(if_none_match, told.etag):
        return Response(status_code=304, headers=told.headers)
    response.headers.update(told.headers)
    return status(job, position)


@ROUTER.get("/{job_id}/events", summary="Progress as server-sent events", response_class=Response, responses=EVENTS)
async def events(job_id: JobIdDep, services: ServicesDep, client: ClientDep) -> EventSourceResponse:
    """One event now and one for every change; reconnecting is always safe."""
    services.streams.check(client)
    await services.turns.take(client, lambda: services.table.get(job_id, client))
    return _Stream(_follow(services, job_id, client), services.streams, client)


class _Stream(EventSourceResponse):
    """Holds a place while it is sent; taken before the answer begins, so that who finds none hears 429 or 503."""

    def __init__(self, events: AsyncIterator[ServerSentEvent], places: Slots, client: str) -> None:
        super().__init__(events, ping=15)
        self._places, self._client = places, client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._places.hold(self._client):
            await super().__call__(scope, receive, send)


async def _follow(services: Services, job_id: str, client: str) -> AsyncIterator[ServerSentEvent]:
    sent = None
    while True:
        if sent is not None and services.polls.holding(job_id, sent):
            await services.polls.next_query(EVENT_POLL_S)
            continue  # that query says so for all who follow
        since_s = time.monotonic()
        try:
            job, position = await run_in_threadpool(services.table.look, job_id, client)
        except JobNotFoundError:
            return  # erased while we watched
        except DatabaseUnavailableError:
            await asyncio.sleep(EVENT_POLL_S)
            continue  # the job has not gone, and the next look tells all that changed
        told = Told.of(job, position, since_s)
        services.polls.keep(job_id, told)
        if told.etag != sent:
            yield ServerSentEvent(data=status(job, position).model_dump_json(), event="status", id=told.etag.strip('"'))
            sent = told.etag
        if job.is_final:
            return
        await services.polls.next_query(EVENT_POLL_S)


@ROUTER.delete("/{job_id}", summary="Cancel or erase a job", response_model=None, responses=CANCEL)
async def cancel_or_erase(job_id: JobIdDep, services: ServicesDep, client: ClientDep) -> Response:
    """Queued: cancelled. Running: asked to stop, then cancelled. Ended: erased with everything that belongs to it."""
    try:
        return await services.turns.take(client, lambda: _cancel_or_erase(services, job_id, client))
    finally:
        services.polls.forget(job_id)


def _cancel_or_erase(services: Services, job_id: str, client: str) -> Response:
    if services.table.get(job_id, client).is_final:
        services.store.check()  # a store that does not answer could not erase: then the job stays whole
    if gone := services.table.erase(job_id, client):
        services.made.forget(gone)
        removed = {name: all([services.store.remove(f"{tree}/{one}") for one in gone]) for name, tree in FILES.items()}
        erased = ["job", *(name for name, is_gone in removed.items() if is_gone)]
        return Response(status_code=204, headers={ERASED: ", ".join(erased)})
    job = services.table.cancel(job_id, client)
    if job.is_final:
        services.store.remove(f"uploads/{job_id}")
    body = status(job, None).model_dump_json()
    return Response(body, status_code=200 if job.is_final else 202, media_type="application/json")
