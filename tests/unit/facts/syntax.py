"""Syntax trees of this repository's files: several tests search all of them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def syntax(path: Path) -> ast.Module:
    """Tree of a Python file; not to be changed."""
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a Python file; not to be changed."""
    return tuple(ast.walk(syntax(path)))
