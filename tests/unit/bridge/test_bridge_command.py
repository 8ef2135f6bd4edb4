"""The bridge's loop and its ledger: troubles that may pass end nothing, and the file is its owner's."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lumbar3d.cli.bridge import command
from lumbar3d.cli.bridge.ends import Ends
from lumbar3d.cli.bridge.ledger import Film, Ledger
from lumbar3d.cli.bridge.steps import Bridge
from lumbar3d.cli.errors import CliError


def test_troubles_that_may_pass_are_told_once_and_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PAUSE_S", 0.0)
    said: list[str] = []
    full = sqlite3.OperationalError("database or disk is full: DOE^JANE")
    troubles: list[Any] = [full, full, OSError(28, "No space left on device"), None, CliError("no archive"), None]

    def step() -> None:
        trouble = troubles.pop(0)
        if not troubles:
            os.kill(os.getpid(), signal.SIGTERM)
        if trouble is not None:
            raise trouble

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        bridge = SimpleNamespace(step=step, ends=Ends(None), tell=lambda text, **_: said.append(text))
        command._repeat(bridge, lambda: None)  # type: ignore[arg-type]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert said == [
        "the bridge's folder cannot be used (OperationalError); tried again",
        "the bridge's folder cannot be used (OSError); tried again",
        "no archive; tried again",
    ]


def test_events_are_words_on_stderr_or_lines_of_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        bridge = Bridge(None, None, None, None, None, 0.0, as_json=as_json)  # type: ignore[arg-type]
        bridge.tell("job 7 submitted", event="submitted", job="7")
        bridge.tell("job 7 stored", event="stored", job="7", reason=None)
    said = capsys.readouterr()
    assert said.err == "job 7 submitted\njob 7 stored\n"
    assert [*map(json.loads, said.out.splitlines())] == [
        {"event": "submitted", "job": "7"},
        {"event": "stored", "job": "7", "reason": None},
    ]


def test_ledger_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "bridge.sqlite3"
    path.touch(mode=0o644)  # of an older bridge
    Ledger(path).add(Film("1.2", "1.3", "ap"))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
