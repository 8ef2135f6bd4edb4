"""Outcomes of hostile inputs: accepted, refused with a code, or failed untyped; and what reading them took."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lumbar3d.errors import Lumbar3dError


class Found:
    """What inputs came to: ``accepted``, the code of a refusal, or the type of an untyped error."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.untyped: list[str] = []

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Count one input."""
        try:
            yield
            self.outcomes["accepted"] += 1
        except Lumbar3dError as error:
            self.outcomes[error.code] += 1
        except Exception as error:
            self.outcomes[type(error).__name__] += 1
            self.untyped.append(repr(error)[:200])

    def record(self) -> dict[str, Any]:
        """For the record."""
        return {
            "inputs": self.outcomes.total(),
            "untyped_errors": len(self.untyped),
            "outcomes": dict(self.outcomes.most_common()),
            "first_untyped": self.untyped[:5],
        }


def peak_mib() -> int:
    """Highest resident size of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
