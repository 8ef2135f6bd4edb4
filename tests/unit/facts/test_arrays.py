"""Array types of the library are defined once, in ``lumbar3d.arrays``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.facts.syntax import syntax

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "lumbar3d"
OWNER = LIBRARY / "arrays.py"


def aliases(tree: ast.Module) -> dict[str, str]:
    """Module-level names of one ``NDArray[...]`` each."""
    return {
        node.targets[0].id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Subscript)
        and ast.unparse(node.value.value) == "NDArray"
    }


TYPES = aliases(syntax(OWNER))


def second_definitions(tree: ast.Module) -> Iterator[str]:
    for name, alias in aliases(tree).items():
        if name in TYPES or alias in TYPES.values():
            yield f"{name} = {alias}"


def test_each_type_has_one_dtype() -> None:
    assert len(set(TYPES.values())) == len(TYPES) >= 5


def test_no_module_defines_them_again() -> None:
    found = {str(path.relative_to(ROOT)): list(second_definitions(syntax(path))) for path in modules()}
    assert len(found) > 80
    assert {path: again for path, again in found.items() if again} == {}


def modules() -> list[Path]:
    folders = (LIBRARY, ROOT / "benchmarks", ROOT / "service", ROOT / "worker", ROOT / "tests")
    return [path for folder in folders for path in sorted(folder.rglob("*.py")) if path != OWNER]


@pytest.mark.parametrize("source", ["Array = NDArray[np.float32]", "Single = NDArray[np.float32]"])
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert list(second_definitions(ast.parse(source))) == [source]
