"""``bridge run`` and ``bridge status``."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumbar3d.cli.console import note, out
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.cli.options import DEFAULT_SERVER, JsonOption, KeyOption, ServerOption

if TYPE_CHECKING:
    from lumbar3d.cli.bridge.steps import Bridge

app = typer.Typer(help="Films from a PACS to a service, results back.", no_args_is_help=True, rich_markup_mode=None)
PAUSE_S = 2.0
LEDGER = "bridge.sqlite3"

FolderOption = Annotated[
    Path, typer.Option(file_okay=False, help="what the bridge remembers; films while they are used")
]
TitleOption = Annotated[str, typer.Option(help="AE title of the bridge")]


@app.command()
def run(
    folder: FolderOption,
    pacs: Annotated[str, typer.Option(help="where results go: HOST:PORT of the archive's DICOM port")],
    pacs_ae_title: Annotated[str, typer.Option(help="AE title of the archive")],
    host: Annotated[str, typer.Option(help="address to listen on for films")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on for films")] = 11112,
    ae_title: TitleOption = "LUMBAR3D",
    calling: Annotated[
        list[str] | None, typer.Option(help="AE title that may send films; may be repeated [the archive's]")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="of the room; without it, the films' tags")
    ] = None,
    settle_s: Annotated[float, typer.Option(min=0, help="a study without new films for so long is complete")] = 60.0,
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
) -> None:
    """Take films by C-STORE, pair AP and lateral of a study, have them reconstructed, store the results."""
    from lumbar3d.cli.bridge.ledger import Ledger
    from lumbar3d.cli.bridge.receiver import Receiver
    from lumbar3d.cli.bridge.sender import Sender
    from lumbar3d.cli.bridge.spool import Spool
    from lumbar3d.cli.bridge.steps import Bridge
    from lumbar3d.client import JobsClient

    archive, spool = _address(pacs), Spool(folder)
    ledger = Ledger(folder / LEDGER)
    receiver = Receiver(ledger, spool, ae_title, tuple(calling or (pacs_ae_title,)))
    with JobsClient(server, api_key) as client:
        sender = Sender(*archive, pacs_ae_title, ae_title)
        bridge = Bridge(ledger, spool, client, sender, calibration, settle_s)
        bridge.tidy()
        listener = receiver.listen(host, port)
        note(f"lumbar3d bridge: {ae_title} at {host}:{port}, results to {pacs_ae_title} at {pacs}")
        try:
            _repeat(bridge)
        finally:
            listener.shutdown()


@app.command()
def status(folder: FolderOption, as_json: JsonOption = False) -> None:
    """Show what is on its way, and what could not be paired or answered and why."""
    from lumbar3d.cli.bridge.ledger import Ledger
    from lumbar3d.cli.bridge.worklist import worklist

    if not (folder / LEDGER).is_file():
        raise CliError(f"no bridge has run in {folder}", Exit.USAGE)
    found = worklist(Ledger(folder / LEDGER))
    if as_json:
        out(found.model_dump_json())
        return
    out(", ".join(f"{count} {state}" for state, count in found.pairs.items()))
    for entry in found.entries:
        about = f"job {entry.job}" if entry.job else f"instance {', '.join(entry.instances)}"
        out(f"{entry.state:<10} study {entry.study}  {about}  {entry.reason or ''}".rstrip())


def _repeat(bridge: Bridge) -> None:
    """Step after step until SIGINT or SIGTERM; whatever is in the middle then is done again at the next start."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        bridge.step()
        stop.wait(PAUSE_S)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise CliError(f"not an address HOST:PORT: {text}", Exit.USAGE)
    return host, int(port)
