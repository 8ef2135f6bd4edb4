"""The artifacts of a job have one table."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from lumbar3d import client
from lumbar3d.artifacts import (
    ARTIFACTS,
    FILES,
    FIT,
    FORMATS,
    KEPT,
    MADE,
    MESHES,
    OVERLAY,
    PICTURE,
    REPORTS,
    STORED,
    take_over,
)
from lumbar3d.export import conversions
from lumbar3d.service.routes import artifacts as routes
from tests.unit.facts.syntax import nodes

ROOT = Path(__file__).resolve().parents[3]
SENT = {"ap.png", "lat.png"}
"""Names of a job's images that the images of the demonstration have as well."""
ADDRESSES = {address for artifact in ARTIFACTS for address, _ in artifact.files()}
WRITTEN = {part for artifact in (*ARTIFACTS, *KEPT, *REPORTS) for pair in artifact.files() for part in pair}
"""Every address and file name, of what is kept with a result and of reports too."""
NO_ARTIFACTS = {"/events", "/review", "/revisions", "/report.html"}
"""What else the page asks of a job."""


def test_names_and_addresses_are_unique() -> None:
    assert len({artifact.operation for artifact in ARTIFACTS}) == len(ARTIFACTS)
    assert len(ADDRESSES) == len({name for artifact in ARTIFACTS for _, name in artifact.files()}) == 20
    assert len(FILES) == 11 and {name for artifact in MADE for name in artifact.sources} < FILES


def test_every_artifact_that_is_not_sent_as_stored_can_be_made() -> None:
    made = {a.operation for a in ARTIFACTS if a.sources or a.is_framed}
    assert {*conversions._CONVERSIONS, PICTURE.operation} == made
    assert set(STORED) | set(MADE) == set(ARTIFACTS)


@pytest.mark.parametrize("artifact", (*ARTIFACTS, *KEPT), ids=lambda artifact: artifact.operation)
def test_every_artifact_has_its_route(artifact) -> None:
    (route,) = [each for each in routes.ROUTER.routes if each.name == artifact.operation]
    assert route.path == "/jobs/{job_id}" + artifact.address
    assert re.findall(r"{(\w+)}", artifact.address) == ([artifact.parameter] if artifact.values else [])


def test_command_line_saves_all_but_what_repeats() -> None:
    saved = {name for artifact in client.SAVED for _, name in artifact.files()}
    assert {*saved, MESHES.file} == {*FILES, PICTURE.file}


def test_every_format_is_made_of_artifacts_of_the_table() -> None:
    named = [artifact for artifacts in FORMATS.values() for artifact in artifacts]
    assert len(named) == len(set(named)) and set(ARTIFACTS) - set(named) == {MESHES, OVERLAY}


def test_no_second_list_in_the_sources() -> None:
    paths = [path for package in ("lumbar3d", "service", "worker") for path in (ROOT / package).rglob("*.py")]
    assert len(paths) > 300
    for path in paths:
        constants = {node.value for node in nodes(path) if isinstance(node, ast.Constant)}
        assert path == ROOT / "lumbar3d/artifacts.py" or not constants & (WRITTEN - SENT | {FIT}), path


def test_page_asks_for_addresses_of_the_table() -> None:
    asked = [
        re.sub(r"\$?{\w+}", "ap", address)
        for path in (ROOT / "page/src").rglob("*.ts*")
        for address in re.findall(r"jobPath\([\w.]+, [\"`]([^\"`]+)[\"`]", path.read_text())
    ]
    kept = {address for artifact in KEPT for address, _ in artifact.files()}
    assert len(asked) > 3 and set(asked) - NO_ARTIFACTS <= ADDRESSES | kept


def test_what_stays_as_it_is_gets_a_second_name_or_else_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tmp_path / "film_ap.png"
    film.write_bytes(b"film")
    for name in ("linked", "copied"):
        (tmp_path / name).mkdir()
        take_over(film, tmp_path / name)
        monkeypatch.setattr(os, "link", _no_links)
    assert film.samefile(tmp_path / "linked" / film.name) and not film.samefile(tmp_path / "copied" / film.name)
    assert (tmp_path / "copied" / film.name).read_bytes() == b"film"


def _no_links(*_: object) -> None:
    raise OSError("another file system")
