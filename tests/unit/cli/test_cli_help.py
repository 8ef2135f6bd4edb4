"""Help of the command line: one style, examples that work, completion."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from lumbar3d.cli import examples
from lumbar3d.cli.main import app


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Commands that do something, by what is typed."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(leaves(typer.main.get_command(app)))


def test_every_command_has_examples_and_no_example_has_no_command() -> None:
    assert COMMANDS.keys() == examples.LINES.keys()
    assert all("Examples:" in (command.epilog or "") for command in COMMANDS.values())


@pytest.mark.parametrize("command", examples.LINES)
def test_examples_are_read_as_they_stand(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ap.dcm", "lat.dcm", "calibration.json", "beads.csv", "keys", "room.json", "landmarks.json"):
        (tmp_path / name).touch()
    for folder in ("films", "ct", "meshes", "assets", "assets-work/L3", "runs/coarse", "release"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "ct" / "sub-01_seg-vert_msk.nii.gz").touch()
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "result.json").touch()
    for line in examples.LINES[command]:
        words = shlex.split(line.partition(" | ")[0])
        name = " ".join(words[: len(command.split())])
        context = COMMANDS[name].make_context(name, words[len(command.split()) :])
        assert context.args == []


@pytest.mark.parametrize("command", COMMANDS)
def test_answers_are_for_programs_too(command: str) -> None:
    (flag,) = (parameter for parameter in COMMANDS[command].params if "--json" in parameter.opts)
    assert flag.is_flag and flag.default is False and flag.help == "print the answer as JSON"


def test_the_list_of_commands_has_whole_sentences_and_one_style() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "60"}).stdout
    assert "..." not in told.partition("Commands:")[2] and "╭" not in told
    for group in ("key", "calibrate", "db", "bridge", "train", "ssm"):
        told = CliRunner().invoke(app, [group, "--help"]).stdout
        assert "╭" not in told and "completion" not in told and "..." not in told.partition("Commands:")[2], group
    told = CliRunner().invoke(app, ["key", "add", "--help"]).stdout
    assert "Examples:\n    lumbar3d key add bridge --file keys --role submit" in told


def test_completion_knows_commands_and_options() -> None:
    for words, expected in (
        ("lumbar3d rec", "reconstruct"),
        ("lumbar3d key re", "revoke"),
        ("lumbar3d wait --s", "--server"),
    ):
        asked = {"_LUMBAR3D_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        assert expected in CliRunner().invoke(app, [], env=asked, prog_name="lumbar3d").stdout.split()
