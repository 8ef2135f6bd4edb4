"""Gate of the project: the words of the Makefile, and the last line of a test run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from lumbar3d import __version__
from tests.not_run import RECORD, sentence

ROOT = Path(__file__).resolve().parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()


def test_every_word_of_make_has_a_rule_and_help() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == set(re.findall(r"^([a-z]+):.*  ## .", MAKEFILE, re.MULTILINE))


def test_no_other_word_of_make_is_recommended() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")]
    told = {word for page in pages for word in re.findall(r"`make ([a-z]+)`", page.read_text())}
    assert told <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_what_is_cited_is_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == __version__ and cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license"} <= cited.keys()


def test_what_could_not_run_is_counted_by_reason() -> None:
    assert sentence([]) == "Could not run here: 0 tests."
    assert sentence(["no GPU"]) == "Could not run here: 1 test: 1 no GPU."
    assert sentence(["no GPU", "no browser", "no browser"]) == ("Could not run here: 3 tests: 2 no browser; 1 no GPU.")


def test_the_last_line_of_a_run_says_what_could_not_run(tmp_path: Path) -> None:
    case = tmp_path / "test_case.py"
    case.write_text(
        "import pytest\n\ndef test_a(): pass\n\n@pytest.mark.skip(reason='no browser')\ndef test_b(): pass\n"
    )
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        "/dev/null",
        "--rootdir",
        tmp_path,
        case,
    ]
    record = tmp_path / "not_run.txt"
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), RECORD: str(record)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout
    assert run.stdout.splitlines()[-1] == "Could not run here: 1 test: 1 no browser."
    assert record.read_text() == "no browser\n"
