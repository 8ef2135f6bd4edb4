"""``worker``: the Celery worker of a production deployment."""

from __future__ import annotations

import os
import sys

from lumbar3d.answers import JsonOption, line
from lumbar3d.cli.errors import CliError, Exit

APP = "lumbar3d.worker.app"


def worker(as_json: JsonOption = False) -> None:
    """Run a Celery worker (one process, for one GPU) until SIGTERM; LUMBAR3D_* names broker and database.

    Its log goes to stderr, one JSON object a line.
    """
    from lumbar3d.jobs.settings import explain
    from lumbar3d.worker.settings import WorkerSettings
    from lumbar3d.worker.tasks import build_app

    try:
        build_app(WorkerSettings())
    except ValueError as error:
        raise CliError(f"the settings do not work: {explain(error)}", Exit.USAGE) from None
    # In place of this process, as the worker's image starts it: called from here, Celery keeps its exit status.
    command = [sys.executable, "-m", "celery", "--app", APP, "worker", "--without-gossip", "--without-mingle"]
    if as_json:
        line({"event": "starting", "pid": os.getpid()})
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Celery greets and takes leave on stdout, in words
    os.execv(sys.executable, command)
