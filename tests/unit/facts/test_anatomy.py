"""Levels and landmarks are named once, in ``lumbar3d.anatomy``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from lumbar3d import anatomy
from lumbar3d.anatomy import LANDMARK_GROUPS, LANDMARKS, LEVELS, OTHER_SIDE, SPINE, adjacent_rows
from tests.unit.facts.syntax import nodes

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("lumbar3d", "service", "worker", "benchmarks")
OWNER = ROOT / "lumbar3d" / "anatomy.py"
COUNTS = {"LEVEL_COUNT", "LANDMARK_COUNT"}
LISTED = (ast.Tuple, ast.List, ast.Set)


def restatements(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Where levels, landmarks, their groups or their counts are written out again."""
    for node in nodes:
        if isinstance(node, LISTED):
            words = [part.value for part in node.elts if isinstance(part, ast.Constant)]
            rows = [ast.literal_eval(part) for part in node.elts if isinstance(part, ast.Tuple) and constant(part)]
            if len(set(LEVELS) & set(words)) > 2 or len(set(LANDMARKS) & set(words)) > 1:
                yield ast.unparse(node)
            if words == OTHER_SIDE or {(2, 3), (4, 5)} <= set(rows):
                yield ast.unparse(node)
        if isinstance(node, ast.Dict):
            rows = [ast.literal_eval(part) for part in node.values if isinstance(part, ast.Tuple) and constant(part)]
            if {(2, 3), (4, 5)} <= set(rows):
                yield ast.unparse(node)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            if names & COUNTS:
                yield ast.unparse(node)


def constant(node: ast.Tuple) -> bool:
    return all(isinstance(part, ast.Constant) for part in node.elts)


def test_nothing_else_lists_levels_or_landmarks() -> None:
    found = {
        str(path.relative_to(ROOT)): list(restatements(nodes(path)))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != OWNER
    }
    assert len(found) > 300
    assert {path: again for path, again in found.items() if again} == {}


@pytest.mark.parametrize(
    "written",
    [
        'X = ["L2", "L3", "L1"]',
        'X = ("tp_left", "tp_right")',
        "X = [0, 1, 3, 2, 5, 4, 6]",
        "X = ((0, 1), (2, 3), (4, 5), (6,))",
        'X = {"transverse": (2, 3), "pedicle": (4, 5)}',
        "LEVEL_COUNT = 5",
    ],
)
def test_the_search_finds_what_it_looks_for(written: str) -> None:
    assert len(list(restatements(ast.walk(ast.parse(written))))) == 1


def test_the_page_has_the_same_levels() -> None:
    script = (ROOT / "page" / "src" / "anatomy.ts").read_text()
    listed = re.search(r"LEVELS = \[(.*?)\]", script)
    assert listed is not None
    assert tuple(re.findall(r'"(\w+)"', listed[1])) == LEVELS


def test_rows_carry_the_names_of_their_landmarks() -> None:
    rows = {name.lower(): getattr(anatomy, name) for name in ("TP_LEFT", "TP_RIGHT", "SP_TIP")}
    rows |= {f"pedicle_{side}": getattr(anatomy, f"PEDICLE_{side.upper()}") for side in ("left", "right")}
    rows |= {f"{end}_endplate_centre": getattr(anatomy, f"{end.upper()}_PLATE") for end in ("sup", "inf")}
    assert rows == {name: row for row, name in enumerate(LANDMARKS)}


def test_groups_hold_every_landmark_once() -> None:
    assert sorted(row for rows in LANDMARK_GROUPS.values() for row in rows) == list(range(len(LANDMARKS)))
    assert all(
        kind[:2] in LANDMARKS[row] or kind == "transverse" for kind, rows in LANDMARK_GROUPS.items() for row in rows
    )
    assert LANDMARKS[anatomy.PLATES] == ("sup_endplate_centre", "inf_endplate_centre")
    assert LANDMARKS[anatomy.PEDICLES] == ("pedicle_left", "pedicle_right")
    assert anatomy.PROCESS_NAMES == ("tp_left", "tp_right", "sp_tip")


def test_the_mirror_order_exchanges_left_and_right() -> None:
    mirrored = [LANDMARKS[row] for row in OTHER_SIDE]
    swapped = [name.replace("left", "?").replace("right", "left").replace("?", "right") for name in LANDMARKS]
    assert mirrored == swapped


def test_levels_are_a_part_of_the_spine_from_head_to_feet() -> None:
    assert SPINE[SPINE.index("L1") :][:5] == LEVELS
    assert SPINE.index("T12") == SPINE.index("L1") - 1


def test_neighbours_are_those_of_the_spine() -> None:
    assert adjacent_rows(LEVELS) == ((0, 1), (1, 2), (2, 3), (3, 4))
    assert adjacent_rows(("T12", "L1", "L3", "L4")) == ((0, 1), (2, 3))
    assert adjacent_rows(("L3",)) == ()
