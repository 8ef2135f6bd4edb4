"""``python -m tests.killed_bridge FOLDER PORT PACS SERVER CALIBRATION [WEB]``: a bridge killed at every point.

Each life ends with SIGKILL at the next of ``POINTS``; the last one runs until SIGTERM. Lives are forks of one process
that has loaded everything, so that a dozen of them cost little.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lumbar3d.cli.bridge import command, sender, steps, web
from lumbar3d.cli.bridge.ledger import Ledger, State
from lumbar3d.cli.bridge.receiver import Receiver
from lumbar3d.cli.bridge.spool import Spool
from lumbar3d.client import JobsClient

POINTS: tuple[tuple[type, str, str, State | None], ...] = (
    (Spool, "keep_film", "after", None),
    (Ledger, "add", "after", None),
    (Ledger, "pair", "before", None),
    (Ledger, "pair", "after", None),
    (JobsClient, "submit", "after", None),
    (Ledger, "move", "after", State.SUBMITTED),
    (JobsClient, "dicom", "before", None),
    (JobsClient, "dicom", "after", None),
    (Ledger, "handle", "before", None),
    (Ledger, "handle", "after", None),
    (Ledger, "move", "before", State.STORED),
    (Ledger, "move", "after", State.STORED),
)
"""Class, method, side of it, and the new state where only that counts."""
LOADED = (Receiver, sender, steps, web)
"""Imported before the forks, as ``bridge run`` imports them later."""


def arm(kind: type, method: str, side: str, state: State | None) -> None:
    """Kill this process before or after a method."""
    original: Callable[..., Any] = getattr(kind, method)

    def armed(*arguments: Any, **named: Any) -> Any:
        counts = state is None or state in arguments
        if counts and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = original(*arguments, **named)
        if counts:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(kind, method, armed)


def live() -> None:
    """Run the bridge."""
    folder, port, pacs, server, calibration, *addresses = sys.argv[1:]
    command.PAUSE_S = web.POLL_S = 0.1
    (address,) = addresses or (None,)
    command.run(
        folder=Path(folder),
        port=int(port),
        films_web=address,
        results_web=address,
        pacs=None if address else pacs,
        pacs_ae_title=None if address else "ORTHANC",
        require_accepted=False,
        calibration=Path(calibration),
        settle_s=0.3,
        server=server,
        api_key=os.environ["LUMBAR3D_API_KEY"],
    )


def main() -> None:
    """One life after the other."""
    for point in POINTS:
        child = os.fork()
        if child == 0:
            arm(*point)
            live()
            os._exit(9)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            raise SystemExit(f"the bridge was not killed at {point[0].__name__}.{point[1]} but ended with {status}")
        sys.stdout.write(f"killed {point[2]} {point[1]}\n")
        sys.stdout.flush()
    live()


if __name__ == "__main__":
    main()
