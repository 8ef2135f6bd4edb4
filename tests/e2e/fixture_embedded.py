"""``python -m tests.e2e.fixture_embedded``: the embedded worker with the fixture engine."""

from __future__ import annotations

from tests.e2e.fixture_engine import FixtureEngine
from lumbar3d.worker import embedded

if __name__ == "__main__":
    raise SystemExit(embedded.main(lambda _settings: FixtureEngine()))
