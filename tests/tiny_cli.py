"""``python -m tests.tiny_cli``: the command ``lumbar3d`` with the tiny engine in place of the real one."""

from __future__ import annotations

from typing import cast

from lumbar3d import pipeline
from lumbar3d.cli.main import app
from tests.tiny_engine import TinyEngine


def _load(*_: object) -> pipeline.Engine:
    return cast(pipeline.Engine, TinyEngine(None))


if __name__ == "__main__":
    pipeline.Engine.load = _load  # type: ignore[method-assign, assignment]
    app(prog_name="lumbar3d")
