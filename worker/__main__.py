"""``python -m worker``: a Celery worker with one process, for one GPU."""

from __future__ import annotations

from worker.settings import WorkerSettings
from worker.tasks import build_app


def main() -> None:
    """Serve until SIGTERM; the running job is finished first."""
    build_app(WorkerSettings()).worker_main(["worker", "--without-gossip", "--without-mingle"])


if __name__ == "__main__":
    main()
