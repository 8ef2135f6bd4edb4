"""``key``: API keys for the clients of a production service. A running service notices changes of its file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.cli import examples
from lumbar3d.cli.console import note
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.cli.groups import Commands

if TYPE_CHECKING:
    from lumbar3d.service.access import Role
    from lumbar3d.service.keys import KeyEntry

app = typer.Typer(cls=Commands, help="API keys.", no_args_is_help=True, rich_markup_mode=None)

ClientArgument = Annotated[str, typer.Argument(help="name of the client: a-z, 0-9, - and _")]
RoleOption = Annotated[list[str] | None, typer.Option(help="submit, read or admin; may be repeated [submit and read]")]
FileOption = Annotated[
    Path, typer.Option(dir_okay=False, envvar="LUMBAR3D_API_KEY_FILE", show_envvar=True, help="key file")
]


@app.callback()
def group() -> None:
    """API keys."""


@app.command(epilog=examples.of("key create"))
def create(
    client: ClientArgument,
    file: Annotated[Path | None, typer.Option(dir_okay=False, help="append the entry to this key file")] = None,
    role: RoleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is printed once and kept nowhere; the service needs only the entry with its hash."""
    from lumbar3d.service import keys

    if file is not None:
        add(client, file, role, as_json)
        return
    try:
        new = keys.create(client, _roles(role))
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None
    show(new.secret, {"client": client, "secret": new.secret, "entry": new.entry}, as_json)
    note(f"entry for LUMBAR3D_API_KEY_HASHES or a key file: {new.entry}")


@app.command(epilog=examples.of("key add"))
def add(client: ClientArgument, file: FileOption, role: RoleOption = None, as_json: JsonOption = False) -> None:
    """Make a key and append its entry to the key file."""
    from lumbar3d.service import keyfile

    try:
        new = keyfile.add(file, client, _roles(role))
    except ValueError as error:
        raise CliError(str(error), Exit.USAGE) from None
    show(new.secret, {"client": client, "secret": new.secret, "entry": new.entry}, as_json)
    note(f"entry appended to {file}; a service that has LUMBAR3D_API_KEY_FILE={file} accepts it in a second")


@app.command("list", epilog=examples.of("key list"))
def list_keys(file: FileOption, as_json: JsonOption = False) -> None:
    """Show clients, key ids and roles; keys themselves are kept nowhere."""
    from lumbar3d.service import keyfile

    entries = [_told(entry) for entry in keyfile.entries(file)]
    lines = (f"{e['id']}  {e['client']:<20} {'+'.join(e['roles']):<18} {e['until'] or ''}" for e in entries)
    if entries or as_json:
        show("\n".join(line.rstrip() for line in lines), {"keys": entries}, as_json)


@app.command(epilog=examples.of("key revoke"))
def revoke(
    client: ClientArgument,
    file: FileOption,
    key: Annotated[str | None, typer.Option(help="id of one key, of `key list`; else all of the client")] = None,
    as_json: JsonOption = False,
) -> None:
    """Take keys away; a running service refuses them within a second."""
    from lumbar3d.service import keyfile

    gone = keyfile.revoke(file, client, key)
    if not gone:
        raise CliError("no such key in this file", Exit.USAGE)
    words = "\n".join(f"revoked {entry.id} of {entry.client}" for entry in gone)
    show(words, {"revoked": [_told(entry) for entry in gone]}, as_json)


@app.command(epilog=examples.of("key rotate"))
def rotate(
    client: ClientArgument,
    file: FileOption,
    overlap_h: Annotated[float, typer.Option(min=0, help="hours for which the old keys still hold")] = 24.0,
    as_json: JsonOption = False,
) -> None:
    """Make a new key for a client and let its old ones end."""
    from lumbar3d.service import keyfile

    try:
        new = keyfile.rotate(file, client, overlap_h)
    except LookupError as error:
        raise CliError(str(error.args[0]), Exit.USAGE) from None
    show(new.secret, {"client": client, "secret": new.secret, "entry": new.entry}, as_json)
    note(f"the old keys of {client} end in {overlap_h:g} hours")


@app.command(epilog=examples.of("key webhook"))
def webhook(
    client: ClientArgument,
    url: Annotated[str, typer.Argument(help="https address that is called when a job of this client has ended")],
    file: Annotated[
        Path, typer.Option(dir_okay=False, envvar="LUMBAR3D_WEBHOOK_FILE", show_envvar=True, help="webhook file")
    ],
    as_json: JsonOption = False,
) -> None:
    """Set a client's webhook; its secret is printed once. Its host must be in LUMBAR3D_WEBHOOK_HOSTS of the service."""
    from lumbar3d.service import webhooks

    if webhooks.CLIENT.fullmatch(client) is None:
        raise CliError("a client is named by lower-case letters, digits, - and _", Exit.USAGE)
    secret = webhooks.write_target(file, client, url)
    show(secret, {"client": client, "url": url, "secret": secret}, as_json)
    note(f"{client} is called at this address by a service that has LUMBAR3D_WEBHOOK_FILE={file}")


@app.command(epilog=examples.of("key identity"))
def identity(as_json: JsonOption = False) -> None:
    """Make a key for LUMBAR3D_IDENTITY_KEY, which encrypts the identifiers that DICOM output needs."""
    from lumbar3d.jobs import identity as sealed

    key = sealed.new_key()
    show(key, {"key": key}, as_json)


def _told(entry: KeyEntry) -> dict[str, Any]:
    until = None if entry.until_s is None else datetime.fromtimestamp(entry.until_s, UTC).isoformat()
    return {"id": entry.id, "client": entry.client, "roles": sorted(map(str, entry.roles)), "until": until}


def _roles(names: list[str] | None) -> frozenset[Role]:
    from lumbar3d.service.access import BASIC_ROLES, Role

    try:
        return frozenset(Role(name) for name in names) if names else BASIC_ROLES
    except ValueError:
        raise CliError("a role is submit, read or admin", Exit.USAGE) from None
