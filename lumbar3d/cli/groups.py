"""Groups of commands: whole sentences in the list of commands, one style for all."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class Commands(TyperGroup):
    """Lists every command with the whole first sentence of its help, however narrow the terminal is."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the section."""
        commands: dict[str, Any] = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, _sentence(command.help or "")) for name, command in commands.items() if not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _sentence(text: str) -> str:
    first = " ".join(text.strip().partition("\n\n")[0].split())
    return first.partition(". ")[0].rstrip(".") + "."
