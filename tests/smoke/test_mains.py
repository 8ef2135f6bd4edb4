"""Smoke test of every main of benchmarks and training, on a tiny case: ``make smoke``.

What they print and write is not judged: a rename in the library or a lost argument shows here. The two tests without
the mark run in every test run.
"""

from __future__ import annotations

import functools
import importlib
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import pytest
import typer
from typer.testing import CliRunner

from benchmarks import cohort_meshes, subject_films
from benchmarks.subjects import RealSubject
from lumbar3d import pipeline
from lumbar3d.registration import register
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from lumbar3d.validation import model_fit
from tests.smoke.stand_ins import write_people, write_small_assets
from tests.smoke.table import COMMANDS, MAINS

ROOT = Path(__file__).resolve().parents[2]
SHORT_FIT = (FitStage(8, 12, 5), FitStage(4, 12, 4))
SHORT_FIT_IN_3D = model_fit.FitSettings(
    start_leans_deg=(0.0,), rigid_iterations=6, noise_mm=(2.0,), iterations_per_stage=2
)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Assets that every main finds in place of the shipped ones."""
    folder = tmp_path_factory.mktemp("assets") / "small"
    write_small_assets(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUMBAR3D_ASSETS", str(folder))
        yield folder


@pytest.fixture(scope="session")
def data(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    write_people(folder)
    return folder


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture
def assets(small: Path, tmp_path: Path) -> Path:
    """Assets that a main may change."""
    return Path(shutil.copytree(small, tmp_path / "assets"))


@pytest.fixture(scope="session")
def trained(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Both networks, trained on a handful of simulated films."""
    from lumbar3d.training.network import refiner_samples, samples
    from lumbar3d.training.network.command import app

    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refiner_samples, "FILMS_PER_VIEW", 1)
        for module, name, size in ((samples, "CoarseBlocks", 6), (refiner_samples, "CropBlocks", 10)):
            patch.setattr(module, "PATIENTS_PER_BLOCK", 1)
            patch.setattr(getattr(module, name), "size", size)
        _command(app, "coarse", folder / "coarse", "--samples", 6, "--workers", 0)
        _command(app, "refiner", folder / "refiner", "--coarse", folder / "coarse", "--samples", 10, "--workers", 0)
        yield folder


def _command(app: typer.Typer, *arguments: object) -> None:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def _rows() -> Iterator[Any]:
    """Names of the rows; those that need the tiny training stay in one process, which trains once."""
    for name, tiny in MAINS.items():
        if not tiny.only_help:
            group = "trained" if "{trained}" in tiny.arguments else name
            yield pytest.param(name, marks=pytest.mark.xdist_group(group))


@pytest.mark.smoke
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", list(_rows()))
def test_main_runs(
    name: str, request: pytest.FixtureRequest, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matplotlib.use("Agg")
    tiny, module = MAINS[name], importlib.import_module(name)
    # Before anything is made smaller: what is made here serves other rows too.
    places = {
        key: request.getfixturevalue(key) for key in ("data", "assets", "trained") if f"{{{key}}}" in tiny.arguments
    }
    for constant, value in tiny.smaller.items():
        assert hasattr(module, constant)
        monkeypatch.setattr(module, constant, value)
    _shorten_fits(module, monkeypatch)
    _share_films(module, films, monkeypatch)
    _keep_results(module, tmp_path, monkeypatch)
    SPECIAL.get(name, lambda *_: None)(module, monkeypatch)
    arguments = [argument.format(out=tmp_path, root=ROOT, **places) for argument in shlex.split(tiny.arguments)]
    monkeypatch.setattr("sys.argv", [name, *arguments])
    module.main()


def _shorten_fits(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps of every fit, in 3D and to images; no engine fits a test spine of its own first."""
    monkeypatch.setattr(model_fit, "FitSettings", lambda: SHORT_FIT_IN_3D)
    monkeypatch.setattr(pipeline, "self_test", lambda *_: None)
    for fitting in (register, pipeline, module):
        if hasattr(fitting, "RegistrationConstants"):
            monkeypatch.setattr(fitting, "RegistrationConstants", partial(RegistrationConstants, stages=SHORT_FIT))


def _share_films(module: Any, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Films of a stand-in person are computed by the first row that asks for them; later ones get copies."""
    if getattr(module, "photograph", None) is subject_films.photograph:
        monkeypatch.setattr(module, "photograph", partial(_film_of, films))


def _film_of(films: Path, subject: RealSubject, draw: int, folder: Path) -> tuple[Path, Path]:
    kept = films / f"{subject.name}_{draw}"
    if not kept.exists():
        kept.mkdir()
        subject_films.photograph(subject, draw, kept)
    return _copied(kept / "ap.png", folder), _copied(kept / "lat.png", folder)


def _keep_results(module: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules that write beside themselves write into a folder of the test."""
    results = folder / "results"
    results.mkdir()
    for constant in ("RESULTS", "ANNOTATIONS"):
        kept = getattr(module, constant, None)
        if isinstance(kept, Path):
            monkeypatch.setattr(module, constant, results if kept.suffix == "" else _copied(kept, results))
    if module.__name__.startswith("benchmarks."):
        monkeypatch.setattr(module, "__file__", str(folder / "module.py"))


def _copied(file: Path, folder: Path) -> Path:
    return Path(shutil.copy(file, folder))


def _few_refusals(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from itertools import islice

    real = module.refusal_films
    monkeypatch.setattr(module, "refusal_films", lambda *given: islice(real(*given), 2))


def _two_encodings(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    writers = module.WRITERS
    monkeypatch.setattr(module, "WRITERS", dict(list(writers.items())[:2]))


def _one_condition(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    conditions = module.CONDITIONS
    monkeypatch.setattr(module, "CONDITIONS", dict(list(conditions.items())[:1]))


def _in_this_process(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "apart", lambda assets, threads, gpu=False: module.cost(assets, threads))


def _timed_once(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.timed
    monkeypatch.setattr(module, "timed", lambda what, pixels, run, _repeats: real(what, pixels, run, 1))


def _stored_results(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only read here, and compared with the pages."""
    monkeypatch.setattr(module, "RESULTS", ROOT / "benchmarks" / "results")


def _no_scan(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person with a CT is left out: there is no CT to stand in for it."""
    monkeypatch.setattr(module, "ct", module.people)


def _three_levels(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = module.SOURCES
    monkeypatch.setattr(module, "SOURCES", {"verse012": sources["verse012"]})


def _coarse_meshes(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seventh of the vertices; a fit is then allowed to end further from them."""
    from lumbar3d.training.cohort import fit, remesh

    monkeypatch.setattr(cohort_meshes, "VERTEX_COUNTS", (2_000, 3_000))
    monkeypatch.setattr(remesh, "AREA_PER_VERTEX_MM2", 10.0)
    monkeypatch.setattr(fit, "GREATEST_REST_MM", 5.0)


def _few_persons(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the build of the shape models few steps of each kind; labels need all of their template's vertices."""
    from lumbar3d.training.shape_model.literature_part import LiteratureSettings
    from lumbar3d.training.shape_model.nonrigid import KernelStage, fit
    from lumbar3d.training.shape_model.prior import PriorSettings

    settings = PriorSettings(literature=LiteratureSettings(persons=30, functions=16), rank=20, shared_factors=8)
    monkeypatch.setattr(module.prior, "PriorSettings", lambda: settings)
    monkeypatch.setattr(module.nonrigid, "fit", partial(fit, stages=(KernelStage(60.0, 40, 1.0, 2),)))
    monkeypatch.setattr(module.template, "SURFACE_SAMPLES", 50_000)


SPECIAL = {
    "benchmarks.cohort": _coarse_meshes,
    "benchmarks.decoding": _two_encodings,
    "benchmarks.network_cost": _in_this_process,
    "benchmarks.network_real": _no_scan,
    "benchmarks.network_refusal": _few_refusals,
    "benchmarks.pages": _stored_results,
    "benchmarks.projector": _timed_once,
    "benchmarks.registration": _one_condition,
    "benchmarks.subjects": _three_levels,
    "lumbar3d.training.shape_model.build": _few_persons,
}
"""What no constant and no argument makes small."""


@pytest.mark.smoke
@pytest.mark.parametrize("name", [name for name, tiny in MAINS.items() if tiny.only_help and name not in COMMANDS])
def test_main_says_its_arguments(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(name).main()
    assert stopped.value.code == 0


@functools.cache
def _mains() -> frozenset[str]:
    """Modules of both packages that can be run."""
    paths = [path for package in ("benchmarks", "lumbar3d/training") for path in (ROOT / package).rglob("*.py")]
    runnable = [path for path in paths if '__name__ == "__main__"' in path.read_text()]
    return frozenset(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in runnable)


def test_every_main_has_a_tiny_case() -> None:
    assert _mains() == set(MAINS), "tests/smoke/table.py: a main is missing, or is gone"


def test_every_plugin_command_is_run_somewhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plugins = {entry.partition(":")[0] for entry in project["entry-points"]["lumbar3d.commands"].values()}
    assert plugins == set(COMMANDS)
