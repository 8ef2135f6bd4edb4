"""``python -m tests.e2e.fixture_service DATA_DIR PORT``: what ``lumbar3d serve`` runs, with the fixture engine."""

from __future__ import annotations

import sys
from pathlib import Path

from cli.serve import listen, load_settings, run

if __name__ == "__main__":
    with listen("127.0.0.1", int(sys.argv[2])) as listener:
        run(load_settings(Path(sys.argv[1])), listener, "tests.e2e.fixture_embedded")
