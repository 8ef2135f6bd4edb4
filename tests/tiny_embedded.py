"""``python -m tests.tiny_embedded``: the embedded worker with the tiny engine."""

from __future__ import annotations

import os

from lumbar3d.jobs import database
from lumbar3d.worker import embedded
from tests.tiny_engine import load

if __name__ == "__main__":
    database.START_S = float(os.environ.get("TINY_START_S", database.START_S))
    raise SystemExit(embedded.main(load))
