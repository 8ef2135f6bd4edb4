"""The commands that change a key file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lumbar3d.cli.main import app
from lumbar3d.service.keyfile import entries
from lumbar3d.service.keys import digest


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["key", *arguments])
    return done.exit_code, done.stdout


def test_add_list_rotate_revoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "keys"
    monkeypatch.setenv("LUMBAR3D_API_KEY_FILE", str(file))
    status, first = run("add", "bridge", "--role", "submit")
    assert (status, [entry.digest for entry in entries(file)]) == (0, [digest(first.strip())])
    status, second = run("rotate", "bridge", "--overlap-h", "1")
    assert status == 0 and [str(role) for entry in entries(file) for role in entry.roles] == ["submit", "submit"]
    status, shown = run("list")
    lines = shown.splitlines()
    assert [line.split()[:3] for line in lines] == [[entry.id, "bridge", "submit"] for entry in entries(file)]
    assert len(lines[0].split()) == 4 and first.strip() not in shown and second.strip() not in shown
    revoked = entries(file)[0].id
    assert run("revoke", "bridge", "--key", revoked) == (0, f"revoked {revoked} of bridge\n")
    assert [entry.digest for entry in entries(file)] == [digest(second.strip())]
    assert run("revoke", "bridge", "--key", "00000000")[0] == 2
    assert run("rotate", "nobody")[0] == 2
    assert run("add", "bridge", "--role", "king")[0] == 2
    (last,) = entries(file)
    status, told = run("revoke", "bridge", "--json")
    assert status == 0 and [each["id"] for each in json.loads(told)["revoked"]] == [last.id] and entries(file) == []
