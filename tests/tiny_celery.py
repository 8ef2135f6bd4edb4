"""``celery -A tests.tiny_celery worker``: the Celery worker with the tiny engine."""

from __future__ import annotations

from tests.tiny_engine import load
from worker.settings import WorkerSettings
from worker.tasks import build_app

app = build_app(WorkerSettings(), load)
