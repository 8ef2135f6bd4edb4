"""Examples of the pages: fenced blocks of Markdown."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL, PYTHON = ("sh", "bash"), ("python",)


def blocks(page: str, languages: tuple[str, ...]) -> list[str]:
    """Blocks of a page in these languages, from top to bottom."""
    text = (ROOT / page).read_text()
    return [block for language, block in FENCE.findall(text) if language in languages]
