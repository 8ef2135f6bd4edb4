"""Redis transport (of kombu) for a queue into which others may write.

What is not a hint is dropped before Celery sees it. Celery ends a worker on a message that it cannot decode and puts
the message back, so the next worker ends too. A hint that is dropped costs nothing: the job table sends it again.
"""

from __future__ import annotations

import base64
import logging
from typing import Any, Literal

from kombu.transport import redis
from pydantic import BaseModel, Field, Json, ValidationError

from lumbar3d.jobs.broker import QUEUE

LOGGER = logging.getLogger(__name__)


class _Headers(BaseModel):
    task: Literal["lumbar3d.reconstruct"]
    id: str
    eta: None = None
    expires: None = None
    timelimit: tuple[float | None, float | None] = (None, None)


class _Route(BaseModel):
    exchange: str
    routing_key: str


class _Properties(BaseModel):
    delivery_tag: str
    delivery_info: _Route
    body_encoding: Literal["base64"]


class _Envelope(BaseModel):
    """What of a message Celery and kombu read before they run the task."""

    body: str
    headers: _Headers
    properties: _Properties
    content_type: Literal["application/json"] = Field(alias="content-type")
    content_encoding: Literal["utf-8"] = Field(alias="content-encoding")


class _Body(BaseModel):
    content: Json[tuple[tuple[str], dict[str, Any], dict[str, Any]]]


def is_hint(message: Any) -> bool:
    """Whether a message is one of ours, down to the job id."""
    try:
        envelope = _Envelope.model_validate(message)
        _Body.model_validate({"content": base64.b64decode(envelope.body, validate=True)})
    except (ValidationError, ValueError):
        return False
    return True


class HintChannel(redis.Channel):
    """Survives items of the queue that are not JSON."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except ValueError:  # the item is out of the queue already
            LOGGER.warning("something in the queue is not a message, dropped")
            return None


class HintTransport(redis.Transport):
    """Survives messages that are not hints."""

    Channel = HintChannel

    def _deliver(self, message: Any, queue: str) -> None:
        if queue == QUEUE and not is_hint(message):
            LOGGER.warning("a message in the queue is not a hint, dropped")
            return
        super()._deliver(message, queue)  # type: ignore[no-untyped-call]
