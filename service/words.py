"""Words of the books of codes, notes and artifacts for the page and the docs.

``python -m lumbar3d.service.words --write | --check`` in the root of the repository.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lumbar3d import errors as library_errors
from lumbar3d.artifacts import ARTIFACTS, REPORTS
from lumbar3d.codes import BOOK, Code
from lumbar3d.notes import NOTES, REASONS

COMMAND = "python -m lumbar3d.service.words --write"
LINE = 120
ERRORS = f"""# Error codes

<!-- Made by `{COMMAND}` from lumbar3d/codes.py. -->

Every error is a problem document (RFC 9457) with a stable `code`. A code has one HTTP status: in the answer to a
request, and in `error` of a job that ended without a result, where `status` is a member of the document. Programs can
go by it:

- **5xx: our side.** The same images may be sent again later, with a new `Idempotency-Key` where a job had been made:
  the old key gives the old job. Workers have tried it several times before a job says so.
- **4xx: the request or its pictures.** The same again gets the same answer, except where *again* says that time cures
  it.

`Retry-After` is sent where a time is known. A code that is not in this table (of a plug-in) has status 500. Why images
are refused, and how that is found, stands in [refusals](refusals.md).

| code | status | whose fault | again | what it means | what helps |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The JavaScript module ``words.js``."""
    artifacts = [
        {"address": a.address, "file": a.file, "label": a.label, "note": a.note, "parameter": a.parameter}
        for a in (*ARTIFACTS, *REPORTS)
    ]
    return "\n".join(
        (
            "// @ts-check",
            f"// Made by `{COMMAND}` from the books in lumbar3d/{{codes,notes,artifacts}}.py.",
            "",
            _constant("CURES", {code: row.cure for code, row in BOOK.items()}),
            _constant("NOTES", {code: note.words for code, note in NOTES.items()}),
            _constant("REASONS", REASONS),
            _list("INPUT_FAULTS", _input_faults()),
            "export const ARTIFACTS = [",
            *(line for artifact in artifacts for line in ("  {", *_members(artifact, "    "), "  },")),
            "];",
            "",
        )
    )


def errors() -> str:
    """``docs/errors.md``."""
    return ERRORS + "".join(map(_row, sorted(BOOK.values(), key=lambda row: row.status)))


def main(arguments: list[str] | None = None) -> int:
    """Write or check both; 1 where one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true")
    action.add_argument("--check", action="store_true")
    chosen = parser.parse_args(arguments)
    for path, text in MADE.items():
        if chosen.write:
            path.write_text(text())
        elif not path.is_file() or path.read_text() != text():
            sys.stderr.write(f"{path} differs from the books: {COMMAND}\n")
            return 1
    return 0


MADE = {Path("service/web/js/words.js"): page, Path("docs/errors.md"): errors}


def _constant(name: str, words: Mapping[str, str]) -> str:
    return "\n".join((f"export const {name} = {{", *_members(words, "  "), "};", ""))


def _list(name: str, words: Sequence[str]) -> str:
    return "\n".join((f"export const {name} = [", *(f"  {json.dumps(word)}," for word in words), "];", ""))


def _input_faults() -> list[str]:
    """Codes of input that could not be used: of such a job nothing was recognised, and no film is kept."""
    kinds = [kind for kind in vars(library_errors).values() if isinstance(kind, type)]
    return sorted(kind.code for kind in kinds if issubclass(kind, library_errors.InputError))


def _members(words: Mapping[str, str], indent: str) -> list[str]:
    """Lines of an object as JavaScript's formatters leave them."""
    short = {key: f"{indent}{key}: {json.dumps(value)}," for key, value in words.items()}
    split = {key: f"{indent}{key}:\n{indent}  {json.dumps(words[key])}," for key in short}
    return [short[key] if len(short[key]) <= LINE else split[key] for key in short]


def _row(row: Code) -> str:
    waits = "yes" if row.retry_after_s is None else f"after {row.retry_after_s} s"
    cells = (f"`{row.code}`", str(row.status), row.side.value, waits if row.retry else "no", row.title, row.cure)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    raise SystemExit(main())
