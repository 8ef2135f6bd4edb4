"""Composition root of a Celery worker: ``celery -A worker.app worker``."""

from __future__ import annotations

from jobs.settings import explain
from worker.settings import WorkerSettings
from worker.tasks import build_app

try:
    app = build_app(WorkerSettings())
except ValueError as error:
    raise SystemExit(f"lumbar3d: the settings do not work: {explain(error)}") from None
