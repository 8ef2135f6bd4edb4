"""The book of codes: whole, the same through every way out, and said nowhere else."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from lumbar3d.cli.errors import Exit, explain
from lumbar3d.codes import BOOK, Side, entry
from lumbar3d.contracts import JobState
from lumbar3d.errors import EngineError, InputError, Lumbar3dError, RejectedError
from lumbar3d.jobs import errors as job_errors
from lumbar3d.jobs import records
from lumbar3d.jobs.claims import Claims, Failure, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.table import JobTable, QueueLimits
from lumbar3d.service import errors as service_errors
from lumbar3d.service import problems, words
from lumbar3d.training.cohort import errors as cohort_errors
from lumbar3d.training.network import errors as network_errors
from tests.unit.conftest import submission

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("lumbar3d", "service", "worker")
MODULES = (job_errors, service_errors, cohort_errors, network_errors)
"""Imported so that the walk over the subclasses finds their errors."""


def subclasses(kind: type[Lumbar3dError] = Lumbar3dError) -> Iterator[type[Lumbar3dError]]:
    """Every error that the packages define."""
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


ERRORS = sorted(
    {kind for kind in subclasses() if not kind.__module__.startswith("tests.")}, key=lambda kind: kind.__name__
)
LIBRARY = [kind for kind in ERRORS if issubclass(kind, InputError | RejectedError | EngineError)]


def test_every_error_is_in_the_book() -> None:
    assert len(ERRORS) > 40
    assert {kind.code for kind in ERRORS} <= set(BOOK)
    others = {"internal_error", "worker_lost", "not_ready", "method_not_allowed"}
    assert {kind.code for kind in ERRORS} | others == set(BOOK), "and nothing else"


def test_the_walk_finds_every_class_with_a_code() -> None:
    named = re.compile(r"^class (\w+)\(\w+\):\n(?:(?!^class ).*\n)*?    code(?:: ClassVar\[str\])? = \"", re.MULTILINE)
    found = {name for path in sources() for name in named.findall(path.read_text())}
    assert len(found) > 40 and found - {Lumbar3dError.__name__} <= {kind.__name__ for kind in ERRORS}


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[type[Lumbar3dError], tuple[httpx.Response, records.JobStatus]]:
    """Every error as the answer to a POST, and as the end of a job in the table."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('codes') / 'jobs.sqlite3'}")
    database.create_tables()
    try:
        ends = {kind: ended_with(database, kind.code) for kind in ERRORS}
    finally:
        database.close()
    answers = asyncio.run(answers_with(ERRORS))
    return {kind: (answers[kind], ends[kind]) for kind in ERRORS}


def ended_with(database: Database, code: str) -> records.JobStatus:
    """Status of a job whose only attempt failed with this code."""
    table, claims = JobTable(database, QueueLimits(1000, 1000)), Claims(database, LeasePolicy(60.0, 1, 0.0))
    job, _ = table.submit(submission())
    claim = claims.claim(job.id)
    assert claim is not None
    claims.end(claim, JobState.FAILED, Failure(code, "as the test asked"))
    return records.status(table.get(job.id, "alice"), None)


async def answers_with(kinds: list[type[Lumbar3dError]]) -> dict[type[Lumbar3dError], httpx.Response]:
    """What an application with our handlers answers."""
    app = FastAPI()
    problems.install(app)

    @app.post("/{name}")
    async def fail(name: str) -> None:
        raise {kind.__name__: kind for kind in kinds}[name]("as the test asked")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return {kind: await client.post(f"/{kind.__name__}") for kind in kinds}


@pytest.mark.parametrize("kind", ERRORS)
def test_one_status_and_one_title_through_both_ways_out(told, kind: type[Lumbar3dError]) -> None:
    row, (answer, ended) = BOOK[kind.code], told[kind]
    document = answer.json()
    assert ended.error is not None
    assert row.status == answer.status_code == document["status"] == ended.error.status
    assert row.title == document["title"] == ended.error.title
    assert kind.code == document["code"] == ended.error.code
    assert answer.headers.get("Retry-After") == (None if row.retry_after_s is None else str(row.retry_after_s))


@pytest.mark.parametrize("row", BOOK.values(), ids=BOOK.keys())
def test_a_status_says_whose_fault_it_is(row) -> None:
    assert (row.status >= 500) == (row.side == Side.OURS) or row.code == "result_lost"
    assert row.retry == (row.status >= 500 or row.status in (408, 429) or row.code == "result_not_ready")
    assert row.retry or row.retry_after_s is None
    assert row.title[0].isupper() and not row.title.endswith(".") and row.cure.endswith(".")


@pytest.mark.parametrize("kind", LIBRARY)
def test_class_side_and_exit_status_agree(kind: type[Lumbar3dError]) -> None:
    side, status = BOOK[kind.code].side, explain(kind("as the test asked"))[1]
    if issubclass(kind, RejectedError):
        assert (side, status) == (Side.PICTURES, Exit.NO_RESULT)
    elif issubclass(kind, InputError):
        assert side in (Side.CLIENT, Side.PICTURES) and status == Exit.REFUSED
    else:
        assert (side, status) == (Side.OURS, Exit.FAILED)


@pytest.mark.parametrize(
    ("status", "code"), [(405, "method_not_allowed"), (418, "invalid_request"), (502, "internal_error")]
)
def test_framework_errors_have_codes_of_the_book(status: int, code: str) -> None:
    async def asked() -> httpx.Response:
        app = FastAPI()
        problems.install(app)

        @app.get("/")
        async def fail() -> None:
            raise HTTPException(status)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/")

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.json()["code"]) == (BOOK[code].status, code)


def test_unknown_code_is_our_side() -> None:
    assert entry("of_a_plugin") == BOOK["internal_error"]


@pytest.mark.parametrize("path", words.MADE, ids=str)
def test_page_and_docs_are_made_from_the_book(path: Path) -> None:
    assert (ROOT / path).read_text() == words.MADE[path](), words.COMMAND


def test_check_finds_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    for path in words.MADE:
        (tmp_path / path).parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert words.main(["--check"]) == 1 and words.COMMAND in capsys.readouterr().err
    assert words.main(["--write"]) == words.main(["--check"]) == 0


def test_table_of_refusals_follows_the_book() -> None:
    text = (ROOT / "docs/refusals.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    refusals = {RejectedError.code, *(kind.code for kind in subclasses(RejectedError))}
    assert rows == {code: BOOK[code].title for code in refusals}


def sources() -> list[Path]:
    """Python files of everything that is installed."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def tables_by_code(text: str) -> set[str]:
    """Codes that are keys of a dictionary, or cases of a match: second tables."""
    keys: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(text)):
        keys += node.keys if isinstance(node, ast.Dict) else []
        keys += [node.value] if isinstance(node, ast.MatchValue) else []
    return {key.value for key in keys if isinstance(key, ast.Constant) and key.value in BOOK}


def wrong_statuses(text: str) -> list[tuple[str, str]]:
    """Codes with another status beside them than their own: ``503 `code` ``, ``code (HTTP 422)``."""
    before = re.findall(r"\b([45]\d\d)\b[\s,:]{1,3}[`\"']([a-z_]+)[`\"']", text)
    after = re.findall(r"[`\"']?\b([a-z_]+)[`\"']?,? +\(?(?:HTTP )?([45]\d\d)\b", text)
    said = [*((code, status) for status, code in before), *after]
    return [(code, status) for code, status in said if code in BOOK and int(status) != BOOK[code].status]


def test_no_second_table_in_the_sources() -> None:
    assert tables_by_code('STATUS = {"no_result": 409}') == {"no_result"}, "the search finds what it looks for"
    for path in sources():
        if path != ROOT / "lumbar3d/codes.py":
            # A note of a result may have the name of a refusal.
            assert not tables_by_code(path.read_text()) - {"unlike_training_films"}, path


def test_page_has_words_for_codes_in_one_file_only() -> None:
    for path in (ROOT / "page/src").rglob("*.ts*"):
        keys = set(re.findall(r"^\s*[\"']?(\w+)[\"']?:", path.read_text(), re.MULTILINE))
        # A job that ended may be in the state ``rejected``.
        assert not keys & set(BOOK) - {JobState.REJECTED.value}, path


def test_no_other_status_stands_beside_a_code() -> None:
    assert wrong_statuses("503 `no_result`") and wrong_statuses("no_result   (HTTP 422)"), "the search finds"
    paths = [*sources(), *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("page/src/**/*.html")]
    assert len(paths) > 150
    for path in paths:
        assert not wrong_statuses(path.read_text()), path
