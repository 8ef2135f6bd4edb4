"""``key create``: API keys for the clients of a production service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.console import note, out
from cli.errors import CliError, Exit

app = typer.Typer(help="API keys.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """API keys."""


@app.command()
def create(
    client: Annotated[str, typer.Argument(help="name of the client: a-z, 0-9, - and _")],
    file: Annotated[Path | None, typer.Option(dir_okay=False, help="append the entry to this key file")] = None,
) -> None:
    """Make a key. It is printed once and kept nowhere; the service needs only the entry with its hash."""
    from service import keys

    try:
        new = keys.create(client) if file is None else keys.add_to_file(file, client)
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None
    out(new.secret)
    if file is None:
        note(f"entry for LUMBAR3D_API_KEY_HASHES or a key file: {new.entry}")
    else:
        note(f"entry appended to {file}; the service reads it at its next start (LUMBAR3D_API_KEY_FILE)")
