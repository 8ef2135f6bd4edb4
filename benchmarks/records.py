"""Record of a benchmark as it is kept: the figures as JSON, and the table made from them as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(folder: Path, name: str, record: Mapping[str, Any], table: str) -> None:
    """Write both files, and print the table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / f"{name}.md").write_text(table)
    print(table)
