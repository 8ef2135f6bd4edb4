"""``bridge run`` and ``bridge status``."""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.cli import examples
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.cli.groups import Commands
from lumbar3d.cli.options import DEFAULT_SERVER, KeyOption, ServerOption
from lumbar3d.imaging.header import LIMITS

if TYPE_CHECKING:
    from lumbar3d.cli.bridge.destination import Destination
    from lumbar3d.cli.bridge.steps import Bridge

app = typer.Typer(
    cls=Commands,
    help="Films from a PACS to a service, results back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PAUSE_S = 2.0
LEDGER = "bridge.sqlite3"
MOST_FILM_MB = LIMITS.file_bytes // 2**20
"""No service takes a longer file."""

FolderOption = Annotated[
    Path, typer.Option(file_okay=False, help="what the bridge remembers; films while they are used")
]
TitleOption = Annotated[str, typer.Option(help="AE title of the bridge")]


@app.command(epilog=examples.of("bridge run"))
def run(
    folder: FolderOption,
    pacs: Annotated[
        str | None, typer.Option(help="where results go by C-STORE: HOST:PORT of the archive's DICOM port")
    ] = None,
    pacs_ae_title: Annotated[str | None, typer.Option(help="AE title of the archive")] = None,
    host: Annotated[str, typer.Option(help="address to listen on for films")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on for films")] = 11112,
    ae_title: TitleOption = "LUMBAR3D",
    calling: Annotated[
        list[str] | None, typer.Option(help="AE title that may send films; may be repeated [the archive's]")
    ] = None,
    max_film_mb: Annotated[
        int, typer.Option(min=1, max=MOST_FILM_MB, help="of one film; longer ones are refused while they come")
    ] = MOST_FILM_MB,
    max_waiting_mb: Annotated[
        int, typer.Option(min=1, help="of all films in the folder; more are refused until some are answered")
    ] = 4096,
    max_associations: Annotated[int, typer.Option(min=1, max=100, help="of senders at the same time")] = 10,
    films_web: Annotated[
        str | None, typer.Option(help="DICOMweb address that is asked for films, in place of listening for them")
    ] = None,
    films_web_days: Annotated[int, typer.Option(min=0, help="of studies: from so many days ago until today")] = 2,
    results_web: Annotated[
        str | None, typer.Option(help="DICOMweb address where results go, in place of --pacs")
    ] = None,
    web_authorization: Annotated[
        str | None,
        typer.Option(
            envvar="LUMBAR3D_BRIDGE_WEB_AUTHORIZATION",
            help="header for DICOMweb, e.g. 'Bearer ...'; better in the environment",
        ),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="of the room; without it, the films' tags")
    ] = None,
    settle_s: Annotated[float, typer.Option(min=0, help="a study without new films for so long is complete")] = 60.0,
    require_accepted: Annotated[
        bool, typer.Option(help="store only results that somebody has accepted, where the service keeps sign-offs")
    ] = True,
    segmentation: Annotated[
        bool, typer.Option("--segmentation", help="store the vertebrae as a DICOM segmentation too")
    ] = False,
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take films of an archive, pair AP and lateral of a study, have them reconstructed, store the results."""
    from lumbar3d.cli.bridge.arrivals import Arrivals
    from lumbar3d.cli.bridge.bounds import MEBIBYTE, Bounds
    from lumbar3d.cli.bridge.ledger import Ledger
    from lumbar3d.cli.bridge.receiver import Receiver
    from lumbar3d.cli.bridge.spool import Spool
    from lumbar3d.cli.bridge.steps import Bridge
    from lumbar3d.cli.bridge.web import WebSource, archive
    from lumbar3d.client import JobsClient

    sender = _destination(pacs, pacs_ae_title, ae_title, results_web, web_authorization)
    may_send = tuple(calling or filter(None, [pacs_ae_title]))
    if films_web is None and not may_send:
        raise CliError("who may send films? --calling, --pacs-ae-title, or --films-web", Exit.USAGE)
    bounds = Bounds(max_film_mb * MEBIBYTE, max_waiting_mb * MEBIBYTE, max_associations)
    spool = Spool(folder, bounds.spool_bytes)
    arrivals = Arrivals(Ledger(folder / LEDGER), spool)
    with ExitStack() as stack:
        client = stack.enter_context(JobsClient(server, api_key))
        wanted = (calibration, settle_s, require_accepted, segmentation, as_json)
        bridge = Bridge(arrivals.ledger, spool, client, sender, *wanted)
        bridge.tidy()
        if films_web is None:
            listener = Receiver(arrivals, ae_title, may_send, bounds, bridge.tell_refusal).listen(host, port)
            stack.callback(listener.shutdown)
            words = f"lumbar3d bridge: {ae_title} at {host}:{port}, results to {results_web or pacs}"
            bridge.tell(words, event="listening", ae_title=ae_title, host=host, port=port, results=results_web or pacs)
            _repeat(bridge, lambda: None)
        else:
            source = WebSource(archive(films_web, web_authorization), arrivals, films_web_days)
            words = f"lumbar3d bridge: films of {films_web}, results to {results_web or pacs}"
            bridge.tell(words, event="asking", films=films_web, results=results_web or pacs)
            _repeat(bridge, source.poll)


def _destination(
    pacs: str | None, pacs_ae_title: str | None, ae_title: str, results_web: str | None, authorization: str | None
) -> Destination:
    """Where results go: exactly one archive."""
    from lumbar3d.cli.bridge.sender import Sender
    from lumbar3d.cli.bridge.web import WebSender, archive

    if (pacs is None) == (results_web is None):
        raise CliError("results go to --pacs or to --results-web", Exit.USAGE)
    if results_web is not None:
        return WebSender(archive(results_web, authorization))
    if pacs is None or pacs_ae_title is None:
        raise CliError("--pacs needs --pacs-ae-title", Exit.USAGE)
    return Sender(*_address(pacs), pacs_ae_title, ae_title)


@app.command(epilog=examples.of("bridge status"))
def status(folder: FolderOption, as_json: JsonOption = False) -> None:
    """Show what is on its way, and what could not be paired or answered and why."""
    from lumbar3d.cli.bridge.ledger import Ledger
    from lumbar3d.cli.bridge.worklist import worklist

    if not (folder / LEDGER).is_file():
        raise CliError(f"no bridge has run in {folder}", Exit.USAGE)
    found = worklist(Ledger(folder / LEDGER))
    lines = [", ".join(f"{count} {state}" for state, count in found.pairs.items())]
    for entry in found.entries:
        about = f"job {entry.job}" if entry.job else f"instance {', '.join(entry.instances)}"
        lines.append(f"{entry.state:<10} study {entry.study}  {about}  {entry.reason or ''}".rstrip())
    show("\n".join(lines), found.model_dump(mode="json"), as_json)


def _repeat(bridge: Bridge, poll: Callable[[], None]) -> None:
    """Step after step until SIGINT or SIGTERM; whatever is in the middle then is done again at the next start."""
    stop, trouble, news = threading.Event(), "", bridge.ends.news

    def end(*_: object) -> None:
        stop.set()
        news.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    while not stop.is_set():
        news.clear()
        found = [words for part in (poll, bridge.step) if (words := _trouble(part))]
        if (said := "; ".join(found)) != trouble and said:
            bridge.tell(f"{said}; tried again", event="trouble", job=None, reason=said)
        trouble = said
        if not stop.is_set():  # what came since is not waited for
            news.wait(PAUSE_S)


def _trouble(part: Callable[[], None]) -> str:
    """What keeps a part from its end and may pass; empty where nothing does."""
    try:
        part()
    except CliError as error:
        return str(error)
    except (OSError, sqlite3.Error) as error:
        return f"the bridge's folder cannot be used ({type(error).__name__})"
    return ""


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise CliError(f"not an address HOST:PORT: {text}", Exit.USAGE)
    return host, int(port)
