"""Tables of the documentation, written from ``benchmarks/results``.

``python -m benchmarks.pages --write | --check``

A page says where a table comes from, ``<!-- from end_to_end.md table 2 rows REGEX -->`` to ``<!-- end -->``; what is
between is replaced by that table of the file (its first, unless told), with the rows that match. The table of
``<!-- figures -->`` is README's: single figures, each found by a pattern in the file that it is linked to.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
PAGES = ("README.md", "docs/results.md")
TABLE = re.compile(r"(<!-- from ([\w.]+)(?: table (\d+))?(?: rows (.+?))? -->\n).*?(<!-- end -->)", re.DOTALL)
FIGURE_TABLE = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Figure:
    """A row of README's table.

    Attributes
    ----------
    what, where : str
        What was measured; on whom and in which surroundings.
    words : str
        The figure, with ``{}`` for each group of the pattern.
    file, pattern : str
        Where it stands, below ``benchmarks/results``.
    """

    what: str
    where: str
    words: str
    file: str
    pattern: str


FIGURES = (
    Figure(
        "surface error, whole chain",
        "three real people, computed films, simulated surroundings",
        "{}&nbsp;mm",
        "end_to_end.md",
        r"\| as found \| all \| ([\d.]+) ",
    ),
    Figure(
        "of fit and shape model alone",
        "the same people, good images (Dice .99)",
        "{}&nbsp;mm",
        "registration.md",
        r"\| Gauss-Newton \| 220 \| as the design \| \*\*all\*\* \| ([\d.]+) ",
    ),
    Figure(
        "**pairs answered in a real body**",
        "the same people in a CT body full of gas; {1} mm off",
        "**{0} of 6**",
        "network_surroundings.md",
        r"\| a real body, kept out of training \| 6 \| (\d+) \|.*?([\d.]+) \| [\d.]+ \|\n",
    ),
    Figure(
        "real laterals named rightly",
        "five films, four assumed scales; {2} shifted, no 3D truth",
        "{1} of {0}",
        "network_films.md",
        r"\| LAT \| 4 scales \| (\d+) \| \d+ \| (\d+) \| (\d+) ",
    ),
    Figure(
        "real AP films named rightly",
        "three films, four scales; {2} shifted, the others refused",
        "{1} of {0}",
        "network_films.md",
        r"\| AP \| 4 scales \| (\d+) \| \d+ \| (\d+) \| (\d+) ",
    ),
    Figure(
        "answered with wrong names",
        "simulated people and surroundings; {0} refused",
        "{2} of {1}",
        "network_names.md",
        r"\| \d+ \| (\d+) \| (\d+) \| (\d+) \|",
    ),
)


def tables(text: str) -> list[list[str]]:
    """Markdown tables of a text, as lines."""
    runs = groupby(text.splitlines(), key=lambda line: line.startswith("|"))
    return [list(lines) for is_table, lines in runs if is_table]


def table(file: str, number: int = 1, rows: str | None = None) -> str:
    """A table of a result file, with the rows that match.

    Raises
    ------
    ValueError
        There is no such table, or no such row.
    """
    found = tables((RESULTS / file).read_text())
    if number > len(found):
        raise ValueError(f"{file} has {len(found)} tables, not {number}")
    head, body = found[number - 1][:2], found[number - 1][2:]
    kept = [row for row in body if rows is None or re.search(rows, row)]
    if not kept:
        raise ValueError(f"no row of table {number} of {file} matches {rows}")
    return "\n".join([*head, *kept]) + "\n"


def figure_row(figure: Figure) -> str:
    """One row of README's table.

    Raises
    ------
    ValueError
        The figure is not where it should stand.
    """
    found = re.search(figure.pattern, (RESULTS / figure.file).read_text())
    if found is None:
        raise ValueError(f"{figure.file} has nothing like {figure.pattern}")
    words, where = figure.words.format(*found.groups()), figure.where.format(*found.groups())
    return f"| {figure.what} | {where} | [{words}](benchmarks/results/{figure.file}) |"


def figures() -> str:
    """README's table."""
    head = ["| six figures | of whom, where (in no model or training) | |", "|---|---|---|"]
    return "\n".join([*head, *map(figure_row, FIGURES)]) + "\n"


def written(text: str) -> str:
    """A page with its tables as the results have them now."""
    text = TABLE.sub(lambda m: m[1] + table(m[2], int(m[3] or 1), m[4]) + m[5], text)
    return FIGURE_TABLE.sub(lambda m: m[1] + figures() + m[2], text)


def main() -> None:
    """Write or compare the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", action="store_true")
    group.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    stale = []
    for name in PAGES:
        path = ROOT / name
        text = path.read_text()
        if (now := written(text)) != text:
            stale.append(name)
            if chosen.write:
                path.write_text(now)
    if stale and chosen.check:
        sys.exit(f"not as benchmarks/results has it: {', '.join(stale)}; python -m benchmarks.pages --write")


if __name__ == "__main__":
    main()
