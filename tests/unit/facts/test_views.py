"""Names of the two views are written once, in ``lumbar3d.contracts``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from lumbar3d.contracts import VIEWS
from tests.unit.facts.syntax import nodes

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("lumbar3d", "service", "worker", "benchmarks")
OWNER = ROOT / "lumbar3d" / "contracts" / "base.py"
LISTED = (ast.Tuple, ast.List, ast.Set)


def restatements(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Where both names stand in a row of nothing else."""
    for node in nodes:
        if isinstance(node, LISTED):
            words = [part.value for part in node.elts if isinstance(part, ast.Constant)]
            if tuple(words) == VIEWS and len(node.elts) == len(VIEWS):
                yield ast.unparse(node)


def test_nothing_else_lists_the_views() -> None:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if path != OWNER]
    found = {str(path.relative_to(ROOT)): list(restatements(nodes(path))) for path in paths}
    assert len(found) > 300
    assert {path: again for path, again in found.items() if again} == {}


@pytest.mark.parametrize("written", ['X = ("ap", "lat")', 'X: Literal["ap", "lat"]', 'for v in ["ap", "lat"]: pass'])
def test_the_search_finds_what_it_looks_for(written: str) -> None:
    assert len(list(restatements(ast.walk(ast.parse(written))))) == 1
