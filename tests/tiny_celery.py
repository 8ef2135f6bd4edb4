"""``celery -A tests.tiny_celery worker``: the Celery worker with the tiny engine."""

from __future__ import annotations

import os

from lumbar3d.jobs import database
from lumbar3d.worker.settings import WorkerSettings
from lumbar3d.worker.tasks import build_app
from tests.tiny_engine import load

database.START_S = float(os.environ.get("TINY_START_S", database.START_S))
app = build_app(WorkerSettings(), load)
