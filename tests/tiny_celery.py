"""``celery -A tests.tiny_celery worker``: the Celery worker with the tiny engine."""

from __future__ import annotations

from lumbar3d.worker.settings import WorkerSettings
from lumbar3d.worker.tasks import build_app
from tests.tiny_engine import load

app = build_app(WorkerSettings(), load)
