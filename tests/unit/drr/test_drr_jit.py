"""Compiled loops where nothing can be cached."""

from __future__ import annotations

from typing import Any

import numba
import pytest

from lumbar3d.drr import jit


def test_a_read_only_installation_compiles_without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = numba.njit

    def refuse(function: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return plain(function, **options)

    monkeypatch.setattr(numba, "njit", refuse)

    def double(value: float) -> float:
        return 2.0 * value

    assert jit.nogil_jit(double)(1.5) == 3.0
