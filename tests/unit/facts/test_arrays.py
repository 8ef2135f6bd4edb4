"""Array types of the library are defined once, in ``lumbar3d.arrays``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "lumbar3d"
OWNER = LIBRARY / "arrays.py"


def aliases(source: str) -> dict[str, str]:
    """Module-level names of one ``NDArray[...]`` each."""
    return {
        node.targets[0].id: ast.unparse(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Subscript)
        and ast.unparse(node.value.value) == "NDArray"
    }


def second_definitions(source: str) -> Iterator[str]:
    types = aliases(OWNER.read_text())
    for name, alias in aliases(source).items():
        if name in types or alias in types.values():
            yield f"{name} = {alias}"


def test_each_type_has_one_dtype() -> None:
    types = aliases(OWNER.read_text())
    assert len(set(types.values())) == len(types) >= 5


def test_no_module_defines_them_again() -> None:
    found = {str(path.relative_to(ROOT)): list(second_definitions(path.read_text())) for path in modules()}
    assert len(found) > 80
    assert {path: again for path, again in found.items() if again} == {}


def modules() -> list[Path]:
    folders = (LIBRARY, ROOT / "benchmarks", ROOT / "service", ROOT / "worker", ROOT / "tests")
    return [path for folder in folders for path in sorted(folder.rglob("*.py")) if path != OWNER]


@pytest.mark.parametrize("source", ["Array = NDArray[np.float32]", "Single = NDArray[np.float32]"])
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert list(second_definitions(source)) == [source]
