"""``python -m tests.embedded_service WORKER_MODULE DATA_DIR [PORT]``: ``lumbar3d serve`` with another worker.

The rest of this file starts and stops that process for tests.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lumbar3d.cli.serve import listen, load_settings, run
from lumbar3d.client import JobsClient
from lumbar3d.imaging import decoder

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 110.0


@dataclass(frozen=True)
class RunningService:
    """A service that a test talks to."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def child_pids(self) -> list[int]:
        """Processes that the service has started."""
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in pids if _parent(pid) == self.process.pid]

    def worker_pids(self) -> list[int]:
        """Those of them that are workers, and not the codec server that looks at films which may be blank."""
        return [pid for pid in self.child_pids() if decoder.__file__.encode() not in _command(pid)]


@contextmanager
def running_service(module: str, folder: Path, environment: dict[str, str] | None = None) -> Iterator[RunningService]:
    """A service on a free port; ended as an operator would end it."""
    log = folder / "service.log"
    command = [sys.executable, "-m", "tests.embedded_service", module, str(folder / "data")]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUMBAR3D_")}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**clean, **(environment or {})}, stdout=stream, stderr=stream
        )
        try:
            yield RunningService(_address(process, log), process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s and process.poll() is None:
        found = re.search(r"lumbar3d: (http://\S+?)/$", log.read_text(), re.MULTILINE)
        if found:
            with JobsClient(found[1]) as client:
                if client.is_alive():
                    return found[1]
        time.sleep(0.1)
    raise AssertionError(f"the service did not start: {log.read_text()[-2000:]}")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


if __name__ == "__main__":
    with listen("127.0.0.1", int(sys.argv[3]) if sys.argv[3:] else 0) as listener:
        run(load_settings(Path(sys.argv[2])), listener, sys.argv[1])
