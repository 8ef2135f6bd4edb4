"""Room of the refusals: nothing else decides that there is no answer."""

from __future__ import annotations

import ast
from pathlib import Path

from lumbar3d import errors
from lumbar3d.errors import RejectedError
from tests.unit.facts.syntax import syntax

LIBRARY = Path(__file__).resolve().parents[3] / "lumbar3d"
REFUSALS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, RejectedError)}
INSIDE_A_FIT = {"registration/image_region.py"}
"""A step of the optimiser that leaves the film: only the fit itself can see it."""


def refuses(path: Path) -> bool:
    """Whether a module raises a refusal, or makes one."""
    calls = [node.func for node in ast.walk(syntax(path)) if isinstance(node, ast.Call)]
    return any(isinstance(called, ast.Name) and called.id in REFUSALS for called in calls)


def test_refusals_are_made_in_their_room() -> None:
    found = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py") if refuses(path)}
    assert len(REFUSALS) == 7
    assert {path for path in found if not path.startswith("refusal/")} == INSIDE_A_FIT
    assert len(found) > 6
