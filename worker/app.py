"""Composition root of a Celery worker: ``celery -A worker.app worker``."""

from __future__ import annotations

from worker.settings import WorkerSettings
from worker.tasks import build_app

app = build_app(WorkerSettings())
