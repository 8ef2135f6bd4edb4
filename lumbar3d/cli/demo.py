"""``demo``: the whole chain once, on the simulated pair that comes with the project."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lumbar3d.answers import JsonOption, line, out
from lumbar3d.cli.console import note, progress_bar
from lumbar3d.cli.errors import CliError
from lumbar3d.cli.jobs import require_result
from lumbar3d.client import JobsClient, NoAnswerError
from lumbar3d.contracts import ReconstructOptions

PAIR = Path(__file__).resolve().parents[1] / "demo"
HOST = "127.0.0.1"
START_S = 60.0


def demo(
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="where the files go")] = Path("demo-output"),
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    leave: Annotated[bool, typer.Option("--exit", help="stop at the end instead of serving on")] = False,
    as_json: JsonOption = False,
) -> None:
    """Reconstruct the demo pair over REST, save the files, show where the result page is."""
    files = [PAIR / name for name in ("ap.png", "lat.png", "calibration.json")]
    if not all(path.is_file() for path in files):
        raise CliError("the demo pair is not here: run this in a checkout of the project")
    ap, lat, calibration = files
    folder.mkdir(parents=True, exist_ok=True)
    with _service(port, folder) as (client, process):
        note("Simulated radiographs of a real spine; not a medical device.")
        job = client.submit((ap, lat), calibration, ReconstructOptions())
        with progress_bar() as on_status:
            ended = client.wait(job.id, on_status)
        require_result(ended)
        saved = [str(path) for path in client.download(job.id, folder)]
        for path in saved:
            note(f"  {path}")
        page = client.page(job.id)
        if as_json:
            line({"event": "succeeded", "job": job.id, "page": page, "files": saved})
        else:
            out(f"Result page: {page}")
        if process is not None and not leave:
            note("Serving until Ctrl-C.")
            process.wait()


@contextmanager
def _service(port: int, folder: Path) -> Iterator[tuple[JobsClient, subprocess.Popen[bytes] | None]]:
    """A running service: the one at this port, or a new one that ends with us."""
    with JobsClient(f"http://{HOST}:{port}") as client:
        if client.is_alive():
            note(f"Using the service at {client.server}")
            yield client, None
            return
    with _started_service(_free_port(port), folder) as started:
        yield started


@contextmanager
def _started_service(port: int, folder: Path) -> Iterator[tuple[JobsClient, subprocess.Popen[bytes]]]:
    log = folder / "service.log"
    command = [
        sys.executable,
        "-m",
        "lumbar3d.cli",
        "serve",
        "--port",
        str(port),
        "--data-dir",
        str(folder / "service"),
    ]
    with JobsClient(f"http://{HOST}:{port}") as client, log.open("ab") as stream:
        note(f"Starting the service at {client.server} (log: {log})")
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            _wait_until_alive(client, process, log)
            yield client, process
        except KeyboardInterrupt:
            note("Stopping.")
        except NoAnswerError:
            raise CliError(f"the service ended by itself; see {log}") from None
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _wait_until_alive(client: JobsClient, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while not client.is_alive():
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise CliError(f"the service did not start; see {log}")
        time.sleep(0.1)


def _free_port(wanted: int) -> int:
    """The wanted port, or any other when something else has it."""
    for port in (wanted, 0):
        try:
            with socket.create_server((HOST, port)) as listener:
                return int(listener.getsockname()[1])
        except OSError:
            continue
    raise CliError("no free port on this machine")
