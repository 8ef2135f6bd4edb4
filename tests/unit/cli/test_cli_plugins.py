"""Plug-ins of the command line."""

import re
from importlib.metadata import EntryPoint

import pytest
import typer
from typer.testing import CliRunner

from lumbar3d.cli import plugins
from lumbar3d.cli.main import app

broken = typer.Typer()


@broken.command()
def needs_a_library() -> None:
    raise ModuleNotFoundError("No module named 'not_installed'", name="not_installed")


def only(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Make one entry point the only one of the group."""
    point = EntryPoint("ssm", value, plugins.GROUP)
    monkeypatch.setattr(
        plugins, "entry_points", lambda group, name="ssm": [point] if (group, name) == (plugins.GROUP, "ssm") else []
    )


def test_installed_plugin_is_listed_and_runs() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0 and re.search(r"\n  ssm +Shape models", result.output)
    result = CliRunner().invoke(app, ["ssm", "--help"])
    assert result.exit_code == 0 and "report" in result.output


def test_plugin_whose_package_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "a_package_that_is_not_there:app")
    assert "ssm" in CliRunner().invoke(app, ["--help"]).output
    result = CliRunner().invoke(app, ["ssm", "build", "--level", "L3"])
    assert result.exit_code == 1
    assert "lumbar3d[training]" in result.stderr and "a_package_that_is_not_there" in result.stderr


def test_library_missing_while_a_plugin_runs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "tests.unit.cli.test_cli_plugins:broken")
    result = CliRunner().invoke(app, ["ssm"])
    assert result.exit_code == 1 and "not_installed is missing" in result.stderr
    assert "lumbar3d[training]" in result.stderr


def test_unknown_command_is_still_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_bad_cohort_is_one_line_and_refused(tmp_path) -> None:
    (tmp_path / "landmarks.json").write_text("{}")
    (tmp_path / "meshes").mkdir()
    arguments = ["ssm", "build", str(tmp_path / "meshes"), "--landmarks", str(tmp_path / "landmarks.json")]
    result = CliRunner().invoke(app, [*arguments, "--level", "L3", "--out", str(tmp_path / "assets")])
    assert result.exit_code == 5
    assert (
        result.stderr.strip()
        == "lumbar3d: meshes: no .ply, .stl, .obj, .nii or .nii.gz file in this folder (invalid_cohort)"
    )
    assert not (tmp_path / "assets").exists()
