"""Just-in-time compilation of numeric loops with numba, cached on disk where the installation allows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def nogil_jit(function: Function) -> Function:
    """Compile on first call, without the GIL, IEEE arithmetic (no contraction: crossings must repeat exactly)."""
    try:
        compiled = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # numba raises this where no cache folder can be written (read-only root)
        compiled = numba.njit(function, nogil=True)
    return compiled  # type: ignore[no-any-return]
