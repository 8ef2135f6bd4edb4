"""The bridge's loop and its ledger: troubles that may pass end nothing, and the file is its owner's."""

from __future__ import annotations

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
from lumbar3d.cli.errors import CliError


def test_troubles_that_may_pass_are_told_once_and_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PAUSE_S", 0.0)
    said: list[str] = []
    monkeypatch.setattr(command, "note", said.append)
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
        command._repeat(SimpleNamespace(step=step, ends=Ends(None)), lambda: None)  # type: ignore[arg-type]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert said == [
        "the bridge's folder cannot be used (OperationalError); tried again",
        "the bridge's folder cannot be used (OSError); tried again",
        "no archive; tried again",
    ]


def test_ledger_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "bridge.sqlite3"
    path.touch(mode=0o644)  # of an older bridge
    Ledger(path).add(Film("1.2", "1.3", "ap"))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
