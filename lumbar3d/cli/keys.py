"""``key``: API keys for the clients of a production service. A running service notices changes of its file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumbar3d.cli.console import note, out
from lumbar3d.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from lumbar3d.service.access import Role

app = typer.Typer(help="API keys.", no_args_is_help=True, rich_markup_mode=None)

ClientArgument = Annotated[str, typer.Argument(help="name of the client: a-z, 0-9, - and _")]
RoleOption = Annotated[list[str] | None, typer.Option(help="submit, read or admin; may be repeated [submit and read]")]
FileOption = Annotated[
    Path, typer.Option(dir_okay=False, envvar="LUMBAR3D_API_KEY_FILE", show_envvar=True, help="key file")
]


@app.callback()
def group() -> None:
    """API keys."""


@app.command()
def create(
    client: ClientArgument,
    file: Annotated[Path | None, typer.Option(dir_okay=False, help="append the entry to this key file")] = None,
    role: RoleOption = None,
) -> None:
    """Make a key. It is printed once and kept nowhere; the service needs only the entry with its hash."""
    from lumbar3d.service import keys

    if file is not None:
        add(client, file, role)
        return
    try:
        new = keys.create(client, _roles(role))
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None
    out(new.secret)
    note(f"entry for LUMBAR3D_API_KEY_HASHES or a key file: {new.entry}")


@app.command()
def add(client: ClientArgument, file: FileOption, role: RoleOption = None) -> None:
    """Make a key and append its entry to the key file."""
    from lumbar3d.service import keyfile

    try:
        new = keyfile.add(file, client, _roles(role))
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None
    out(new.secret)
    note(f"entry appended to {file}; a service that has LUMBAR3D_API_KEY_FILE={file} accepts it in a second")


@app.command("list")
def show(file: FileOption) -> None:
    """Show clients, key ids and roles; keys themselves are kept nowhere."""
    from lumbar3d.service import keyfile

    for entry in keyfile.entries(file):
        until = "" if entry.until_s is None else datetime.fromtimestamp(entry.until_s, UTC).isoformat()
        out(f"{entry.id}  {entry.client:<20} {'+'.join(sorted(entry.roles)):<18} {until}".rstrip())


@app.command()
def revoke(
    client: ClientArgument,
    file: FileOption,
    key: Annotated[str | None, typer.Option(help="id of one key, of `key list`; else all of the client")] = None,
) -> None:
    """Take keys away; a running service refuses them within a second."""
    from lumbar3d.service import keyfile

    gone = keyfile.revoke(file, client, key)
    if not gone:
        raise CliError("no such key in this file", Exit.USAGE)
    for entry in gone:
        note(f"revoked {entry.id} of {entry.client}")


@app.command()
def rotate(
    client: ClientArgument,
    file: FileOption,
    overlap_h: Annotated[float, typer.Option(min=0, help="hours for which the old keys still hold")] = 24.0,
) -> None:
    """Make a new key for a client and let its old ones end."""
    from lumbar3d.service import keyfile

    try:
        new = keyfile.rotate(file, client, overlap_h)
    except LookupError as error:
        raise CliError(str(error.args[0]), Exit.USAGE) from None
    out(new.secret)
    note(f"the old keys of {client} end in {overlap_h:g} hours")


@app.command()
def identity() -> None:
    """Make a key for LUMBAR3D_IDENTITY_KEY, which encrypts the identifiers that DICOM output needs."""
    from lumbar3d.jobs import identity as sealed

    out(sealed.new_key())


def _roles(names: list[str] | None) -> frozenset[Role]:
    from lumbar3d.service.access import BASIC_ROLES, Role

    try:
        return frozenset(Role(name) for name in names) if names else BASIC_ROLES
    except ValueError:
        raise CliError("a role is submit, read or admin", Exit.USAGE) from None
