"""``reconstruct``: the command around the engine. The engine itself has its own tests."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from lumbar3d import pipeline
from lumbar3d.cli.errors import Exit
from lumbar3d.cli.main import app
from lumbar3d.errors import CalibrationError, RegistrationError, RejectedError
from tests.conftest import calibration_document
from tests.tiny_engine import TinyEngine, grey_png
from tests.unit.imaging.test_imaging_tagged_room import AP, LAT
from tests.unit.radiograph_files import write_dicom


@pytest.fixture
def pair(tmp_path):
    """AP, LAT, calibration as command line arguments."""
    paths = [tmp_path / name for name in ("ap.png", "lat.png", "calibration.json")]
    for path in paths[:2]:
        path.write_bytes(grey_png(64, 64))
    paths[2].write_text(json.dumps(calibration_document()))
    return list(map(str, paths))


@pytest.fixture
def engine(monkeypatch):
    """Put an engine where the real one is loaded."""

    def put(run) -> None:
        fake = TinyEngine(None)
        if run is not None:
            fake.run = run
        monkeypatch.setattr(pipeline.Engine, "load", lambda *_: fake)

    return put


def reconstruct(*arguments: str):
    return CliRunner().invoke(app, ["reconstruct", *arguments], catch_exceptions=False)


def test_files_are_written_and_named(engine, pair, tmp_path):
    engine(None)
    folder = tmp_path / "new" / "out"
    result = reconstruct(*pair, "--out", str(folder), "--method", "bobyqa")
    assert result.exit_code == Exit.OK
    assert json.loads((folder / "result.json").read_text())["method"] == "bobyqa"
    assert sorted(result.stdout.split()) == sorted(map(str, folder.iterdir()))
    assert "writing the files" in result.stderr


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (RejectedError("no spine here"), Exit.NO_RESULT, "lumbar3d: no spine here (rejected)"),
        (CalibrationError("spacing"), Exit.REFUSED, "lumbar3d: spacing (invalid_calibration)"),
        (RegistrationError("diverged"), Exit.FAILED, "lumbar3d: diverged (registration_failed)"),
        (OSError(28, "No space left on device", "x"), Exit.FAILED, "lumbar3d: x: No space left on device"),
        (ZeroDivisionError("DOE^JANE"), Exit.FAILED, "lumbar3d: internal error: ZeroDivisionError in fail:"),
    ],
)
def test_every_error_is_one_line_and_leaves_nothing_behind(engine, pair, tmp_path, error, status, text):
    def fail(*_: object) -> None:
        raise error

    engine(fail)
    result = reconstruct(*pair, "--out", str(tmp_path / "out"))
    assert result.exit_code == status
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith(text) and "JANE" not in line
    assert list((tmp_path / "out").iterdir()) == []


def test_a_wrong_calibration_stops_before_the_engine_is_loaded(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.Engine, "load", None)
    (tmp_path / "calibration.json").write_text('{"version": "1.0"}')
    result = reconstruct(*pair, "--out", str(tmp_path / "out"))
    assert result.exit_code == Exit.REFUSED and "invalid_calibration" in result.stderr


def test_a_room_from_the_tags_of_both_films(engine, pair, tmp_path):
    rooms = []
    engine(lambda ap, lat, room, *_: rooms.append(room) or (_ for _ in ()).throw(RejectedError("seen enough")))
    films = [str(write_dicom(tmp_path / name, **said)) for name, said in (("ap", AP), ("lat", LAT))]
    told = ("--geometry", "from_tags", "--out", str(tmp_path / "out"))
    assert reconstruct(*films, *told).exit_code == Exit.NO_RESULT
    assert [room.lat.columns for room in rooms] == [80]
    assert "(0018,1510)" not in reconstruct(*films, *told).stderr
    without = write_dicom(tmp_path / "lat", **{k: v for k, v in LAT.items() if k != "PositionerPrimaryAngle"})
    refused = reconstruct(films[0], str(without), *told)
    assert refused.exit_code == Exit.REFUSED and "(0018,1510)" in refused.stderr
    both, neither = reconstruct(*films, pair[2], *told), reconstruct(*films, *told[2:])
    assert both.exit_code == neither.exit_code == Exit.USAGE
    assert "takes no CALIBRATION" in both.stderr and "CALIBRATION is missing" in neither.stderr
