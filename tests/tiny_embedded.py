"""``python -m tests.tiny_embedded``: the embedded worker with the tiny engine."""

from __future__ import annotations

from lumbar3d.worker import embedded
from tests.tiny_engine import load

if __name__ == "__main__":
    raise SystemExit(embedded.main(load))
