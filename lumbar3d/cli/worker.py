"""``worker``: the Celery worker of a production deployment."""

from __future__ import annotations

from lumbar3d.cli.errors import CliError, Exit


def worker() -> None:
    """Run a Celery worker (one process, for one GPU) until SIGTERM; LUMBAR3D_* names broker and database."""
    from lumbar3d.jobs.settings import explain
    from lumbar3d.worker.settings import WorkerSettings
    from lumbar3d.worker.tasks import build_app

    try:
        celery = build_app(WorkerSettings())
    except ValueError as error:
        raise CliError(f"the settings do not work: {explain(error)}", Exit.USAGE) from None
    celery.worker_main(["worker", "--without-gossip", "--without-mingle"])
