"""JSON logs that cannot carry patient data: a list of allowed fields, and no text that others wrote.

Our own loggers send constant messages and put what varies into ``extra``. Of foreign loggers only the unformatted
template of a few known ones is kept, because libraries put file contents into their arguments (pydicom quotes a
patient's name in a warning). Of an exception its type and the places in the code are kept, never its message.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

FIELDS = (
    "job_id",
    "request_id",
    "client",
    "method",
    "route",
    "status",
    "duration_s",
    "size_bytes",
    "stage",
    "attempt",
    "outcome",
    "code",
    "count",
    "worker",
)
OURS = ("lumbar3d",)
KNOWN_TEMPLATES = ("celery", "kombu", "uvicorn.error")
SPELT_OUT = ("Uvicorn running on ",)
"""Beginnings of known templates whose arguments are the operator's own words."""

_bound: ContextVar[dict[str, object] | None] = ContextVar("lumbar3d_log_fields", default=None)


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Write these fields into every log line of this request or attempt, in its threads too (``copy_context``)."""
    token = _bound.set((_bound.get() or {}) | fields)
    try:
        yield
    finally:
        _bound.reset(token)


def add(**fields: object) -> None:
    """Learned later, such as who asks: in every following line, of the caller's caller too."""
    here = _bound.get()
    if here is not None:
        here.update(fields)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Allowed fields only."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": _event(record),
        }
        context = _bound.get() or {}
        entry |= {name: context[name] for name in FIELDS if context.get(name) is not None}
        entry |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            entry["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-8:]
            entry["at"] = [f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames]
        return json.dumps(entry)


def _event(record: logging.LogRecord) -> str:
    root = record.name.split(".")[0]
    if root in OURS:
        return str(record.msg)
    if record.name.startswith(KNOWN_TEMPLATES):
        return _filled(record)
    return f"{record.module}:{record.lineno}"


def _filled(record: logging.LogRecord) -> str:
    """A known template, with its arguments where these are numbers or an operator's words; else without."""
    template, arguments = str(record.msg), record.args
    is_numbers = isinstance(arguments, tuple) and all(isinstance(argument, int | float) for argument in arguments)
    if is_numbers or template.startswith(SPELT_OUT):
        try:
            return template % arguments if arguments else template
        except (TypeError, ValueError):
            return template
    return template


def configure(level: str = "INFO") -> None:
    """Send everything to stderr as JSON; called by entry points only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
