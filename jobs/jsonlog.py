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
OURS = ("service", "jobs", "worker", "lumbar3d", "cli")
KNOWN_TEMPLATES = ("celery", "kombu", "uvicorn.error")


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
        entry |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            entry["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-8:]
            entry["at"] = [f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames]
        return json.dumps(entry)


def _event(record: logging.LogRecord) -> str:
    root = record.name.split(".")[0]
    if root in OURS or record.name.startswith(KNOWN_TEMPLATES):
        return str(record.msg)
    return f"{record.module}:{record.lineno}"


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
