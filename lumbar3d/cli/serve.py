"""``serve``: composition root of the service, embedded by default."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumbar3d.answers import JsonOption
from lumbar3d.cli.console import note, tell
from lumbar3d.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from uvicorn import Server

    from lumbar3d.service.settings import ServiceSettings

GRACE_S = 5
"""What open connections may still take; event streams would otherwise hold the service."""
THIS_MACHINE = ("127.0.0.1", "localhost")
EMBEDDED_WORKER = "lumbar3d.worker.embedded"


def serve(
    host: Annotated[
        str, typer.Option(help="address to listen on; others than this machine need API keys")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port")] = 8000,
    data_dir: Annotated[
        Path | None, typer.Option(file_okay=False, help="job table and files [env LUMBAR3D_DATA_DIR]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the service. Its log goes to stderr, one JSON object a line.

    Without LUMBAR3D_BROKER_URL it is complete in itself: SQLite, a worker as a child process, no API key, this machine
    only. With it, it is the front end of a production deployment, and workers run elsewhere (`lumbar3d worker`).
    """
    settings = load_settings(data_dir)
    if not settings.require_api_key and host not in THIS_MACHINE:
        raise CliError("without API keys the service listens on this machine only (--host 127.0.0.1)", Exit.USAGE)
    with listen(host, port) as listener:
        run(settings, listener, EMBEDDED_WORKER if settings.broker is None else None, as_json)


def load_settings(data_dir: Path | None) -> ServiceSettings:
    """Settings from the environment; the embedded mode asks for no key unless told to.

    Raises
    ------
    CliError
        A setting has no meaning.
    """
    from lumbar3d.jobs.settings import explain
    from lumbar3d.service.settings import ServiceSettings

    try:
        settings = ServiceSettings() if data_dir is None else ServiceSettings(data_dir=data_dir)
    except ValueError as error:
        raise CliError(f"the settings do not work: {explain(error)}", Exit.USAGE) from None
    if settings.broker is None and "require_api_key" not in settings.model_fields_set:
        return settings.model_copy(update={"require_api_key": False})
    return settings


def listen(host: str, port: int) -> socket.socket:
    """Take the port, so that a taken one is told in a line.

    Raises
    ------
    CliError
        It cannot be had.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise CliError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None


def run(settings: ServiceSettings, listener: socket.socket, worker_module: str | None, as_json: bool = False) -> None:
    """Serve until SIGINT or SIGTERM.

    Parameters
    ----------
    settings : ServiceSettings
    listener : socket
        Bound and listening.
    worker_module : str or None
        Module of the embedded worker process; None where workers run elsewhere.
    as_json : bool
        Whether the address is told as JSON on stdout.
    """
    from lumbar3d.cli.supervisor import Supervisor

    if worker_module is not None:
        _upgrade(settings)
    server = _server(settings)
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    tell(f"lumbar3d: {url}", {"event": "listening", "url": url, "pid": os.getpid()}, as_json)
    if worker_module is None:
        server.run(sockets=[listener])
        return
    environment = {"LUMBAR3D_DATA_DIR": str(settings.data_dir.absolute())}
    with Supervisor(worker_module, environment, on_hopeless=lambda: setattr(server, "should_exit", True)) as supervisor:
        server.run(sockets=[listener])
    if supervisor.is_hopeless:
        raise CliError("the embedded worker cannot load its engine (assets or device); the log above says why")


def _upgrade(settings: ServiceSettings) -> None:
    """The embedded mode has one table, one service and one worker: nobody else needs to be stopped first."""
    from lumbar3d.jobs.database import upgrade
    from lumbar3d.jobs.schema import SCHEMA_VERSION

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = upgrade(settings.database)
    if before not in (None, SCHEMA_VERSION):
        note(f"job table upgraded from schema {before} to {SCHEMA_VERSION}")


def _server(settings: ServiceSettings) -> Server:
    """Uvicorn that leaves its process in peace when it ends."""
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from uvicorn import Config, Server

    from lumbar3d.jobs import jsonlog
    from lumbar3d.service.app import create_app
    from lumbar3d.service.connections import BoundedHttp, bound_every_server

    jsonlog.configure(settings.log_level)
    try:
        application = create_app(settings)
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None
    if not settings.require_api_key:
        # Another site must not read patients by giving its own name our address (DNS rebinding).
        application.add_middleware(TrustedHostMiddleware, allowed_hosts=THIS_MACHINE)
    bound_every_server()
    config = Config(application, http=BoundedHttp, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S)
    server = Server(config)
    # uvicorn raises the signal again after its own end, and the default action would skip ours.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: setattr(server, "should_exit", True))
    return server
