"""Answers of commands: on stdout, in words for a person or as JSON for a program. Remarks and progress go to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def out(text: str) -> None:
    """Write an answer, for a person or a script."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show(text: str, value: Mapping[str, object], as_json: bool) -> None:
    """Write an answer: in words for a person, or as one JSON document for a program."""
    if as_json:
        document(value)
    else:
        out(text)


def document(value: Mapping[str, object]) -> None:
    """Write an answer as one JSON document."""
    out(json.dumps(value, indent=2))


def line(event: Mapping[str, object]) -> None:
    """Write one of the lines of a command that runs on, as JSON."""
    out(json.dumps(event))
