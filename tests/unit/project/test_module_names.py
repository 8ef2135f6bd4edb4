"""First lines of modules, and the places that the glossary names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("lumbar3d", "service", "worker", "benchmarks", "tests")
DOCSTRING = re.compile(r'r?"""(.*?)(?:"""|\n)')
CLAUSE = re.compile(r"(What|Who|Whose|How|Where|When|Whether|Which|Why|Do|Does|Is|Are|Would|Can|Nobody)\b|[^`]*\?")


def first_line(source: str) -> str:
    """Of the module's docstring; empty where it has none."""
    found = DOCSTRING.match(source)
    return found[1] if found else ""


def is_term(line: str) -> bool:
    """Whether a first line could be a noun phrase: there, and neither a question nor a clause that asks."""
    return bool(line) and not CLAUSE.match(line)


@pytest.mark.parametrize("line", ["What the neighbours say.", "Is a vertebra misnamed? ``python -m x``."])
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    assert not is_term(first_line(f'"""{line}\n\nMore."""\n')) and not is_term(first_line("import re\n"))
    assert is_term(first_line('"""Flip averaging of frontal crops."""\n'))


def test_every_module_begins_with_a_term() -> None:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    sources = {path.relative_to(ROOT): path.read_text() for path in paths}
    assert len(sources) > 700
    assert [str(path) for path, source in sources.items() if source and not is_term(first_line(source))] == []


def test_the_glossary_names_files_that_exist() -> None:
    rows = [line for line in (ROOT / "docs/glossary.md").read_text().splitlines() if line.startswith("| ")]
    places = {place for row in rows for place in re.findall(r"`([\w/]+(?:\.py|/))`", row)}
    assert len(places) > 40
    assert [place for place in places if not ((ROOT / place).exists() or (ROOT / "lumbar3d" / place).exists())] == []
