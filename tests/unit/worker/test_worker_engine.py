"""The real engine, as a worker process loads it."""

from __future__ import annotations

import gc

import pytest

from lumbar3d.pipeline import Engine
from lumbar3d.worker import engine
from lumbar3d.worker.settings import WorkerSettings


def test_what_is_loaded_is_not_looked_through_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = [[number] for number in range(1000)]
    monkeypatch.setattr(engine, "one_heap", lambda: None)
    monkeypatch.setattr(Engine, "load", lambda *_: loaded)
    before = gc.get_freeze_count()
    try:
        assert engine.load_engine(WorkerSettings()) is loaded
        assert gc.get_freeze_count() >= before + len(loaded)
    finally:
        gc.unfreeze()
