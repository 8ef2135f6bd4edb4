"""Plug-ins of the command line: entry points of the group ``lumbar3d.commands``, loaded when they are used.

What ships never imports ``training``; an installation with the training extra still offers its commands here.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
import typer.main

from lumbar3d.cli import examples
from lumbar3d.cli.errors import CliError
from lumbar3d.cli.groups import Commands

GROUP = "lumbar3d.commands"
EXTRAS = {
    "serve": "cpu,service,worker",
    "demo": "cpu,service,worker",
    "worker": "cpu,worker",
    "key": "service",
    "bridge": "bridge",
    "validate": "cpu,validation",
}
"""What a command of ours needs beside the smallest installation; the others: an engine."""


def names() -> list[str]:
    """Names of all commands of the group."""
    return sorted(point.name for point in entry_points(group=GROUP))


def load(name: str) -> Any:
    """The click command of that name; None if there is none."""
    for point in entry_points(group=GROUP, name=name):
        return _command(point)
    return None


def missing(name: str, module: str | None) -> CliError:
    """Message for a command whose own packages are not installed."""
    extra = "training" if name in names() else EXTRAS.get(name, "cpu")
    return CliError(f"'{name}' needs the {extra} extra ({module} is missing): pip install 'lumbar3d[{extra}]'")


def _command(point: EntryPoint) -> Any:
    try:
        app = point.load()
    except ModuleNotFoundError as error:
        return _stand_in(point.name, missing(point.name, error.name))
    command = typer.main.get_command(app)
    command.name = point.name
    return _styled(app, point.name) if hasattr(command, "commands") else command


def _styled(app: typer.Typer, name: str) -> Any:
    """A plug-in's group as one of ours: its list of commands, examples, no completion of its own."""
    holder = typer.Typer(rich_markup_mode=None)
    holder.callback()(lambda: None)
    holder.add_typer(app, name=name, cls=Commands)
    group: Any = typer.main.get_group(holder).commands[name]
    for each, command in group.commands.items():
        if (typed := f"{name} {each}") in examples.LINES:
            command.epilog = examples.of(typed)
    return group


def _stand_in(name: str, reason: CliError) -> Any:
    """A command that takes any arguments and says why it cannot run."""
    app = typer.Typer(add_completion=False)

    @app.command(name, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def cannot_run() -> None:
        """Needs the training extra."""
        raise reason

    command = typer.main.get_command(app)
    command.name = name
    return command
