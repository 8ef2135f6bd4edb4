"""``python -m tests.e2e.fixture_embedded``: the embedded worker with the fixture engine."""

from __future__ import annotations

from lumbar3d.worker import embedded
from tests.e2e.fixture_engine import FixtureEngine

if __name__ == "__main__":
    raise SystemExit(embedded.main(lambda _settings: FixtureEngine()))
