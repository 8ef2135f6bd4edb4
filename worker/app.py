"""Composition root of a Celery worker: ``celery -A lumbar3d.worker.app worker``."""

from __future__ import annotations

from lumbar3d.jobs.settings import explain
from lumbar3d.worker.settings import WorkerSettings
from lumbar3d.worker.tasks import build_app

try:
    app = build_app(WorkerSettings())
except ValueError as error:
    raise SystemExit(f"lumbar3d: the settings do not work: {explain(error)}") from None
