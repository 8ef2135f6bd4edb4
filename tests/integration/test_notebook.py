"""The tutorial notebook, executed by Jupyter's own client in a kernel of its own, with the shipped networks."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "tutorial.ipynb"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def outputs(folder: Path) -> list[list[Any]]:
    """What stands under each cell of code after the whole notebook has run; a cell that raises fails here."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            patched.setenv(name, str(folder / name.lower()))
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}})
        client.execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def test_format_is_valid() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed without answers"


def test_a_spine_shows_its_picture_and_a_table_its_rows(outputs: list[list[Any]]) -> None:
    assert base64.b64decode(outputs[0][0]["data"]["image/png"])[:4] == b"\x89PNG"
    assert "<table" in outputs[2][0]["data"]["text/html"]


def test_own_films_and_own_room_give_the_same_spine(outputs: list[list[Any]]) -> None:
    difference_mm = outputs[5][0]["data"]["text/plain"]
    assert float(re.sub(r"np\.float64\((.*)\)", r"\1", difference_mm)) < 1e-3


def test_a_wrong_room_is_refused_with_its_code(outputs: list[list[Any]]) -> None:
    assert outputs[6][0]["text"].startswith("invalid_calibration - ")


def test_what_it_saved(outputs: list[list[Any]], folder: Path) -> None:
    written = {path.name for path in (folder / "tutorial-output").iterdir()}
    assert {"spine.mrml", "landmarks.mrk.json", "measurements.csv", "spine.vtp"} <= written
