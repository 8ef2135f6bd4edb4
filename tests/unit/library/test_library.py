"""Library: films in every form, a folder of cases, the names that are public."""

from __future__ import annotations

import codecs
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

import lumbar3d
from lumbar3d.contracts import Calibration, ReconstructOptions
from lumbar3d.errors import CalibrationError, OptionsError, RadiographError, ViewsContradictError
from lumbar3d.imaging.header import ImageFormat
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph
from lumbar3d.library import call
from lumbar3d.library.films import as_files, calibration_of
from lumbar3d.library.folder import Case, reconstruct_folder
from tests.conftest import calibration_document
from tests.unit.imaging.test_imaging_tagged_room import AP, LAT
from tests.unit.radiograph_files import dicom, gradient, write_dicom


def test_public_names_are_there_and_documented() -> None:
    page = (Path(lumbar3d.__file__).parents[1] / "docs/python.md").read_text()
    for name in lumbar3d.__all__:
        assert getattr(lumbar3d, name) is not None and f"`{name}`" in page, name
    assert set(lumbar3d.__all__) <= set(dir(lumbar3d))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lumbar3d.nothing


def test_nothing_heavy_is_loaded_before_it_is_asked_for() -> None:
    code = "import sys, lumbar3d; lumbar3d.Calibration; lumbar3d.errors; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numba", "nlopt", "scipy", "trimesh", "onnxruntime", "pandas"} & set(loaded)


def test_arrays_and_dicom_objects_become_files_with_the_same_grey_values() -> None:
    grey = gradient()
    with as_files(grey, dicom(grey)) as (ap, lat):
        assert inspect_upload(ap).format == ImageFormat.PNG and inspect_upload(lat).format == ImageFormat.DICOM
        np.testing.assert_array_equal(load_radiograph(ap).pixels, grey)
    assert not ap.exists() and not lat.exists()


def test_depth_of_an_array_is_told_as_it_is() -> None:
    eight = (gradient() >> 8).astype(np.uint8)
    light = np.linspace(-1.5, 2.5, eight.size).reshape(eight.shape)
    with as_files(eight, light) as (ap, lat):
        assert inspect_upload(ap).notes == ("eight_bit",) and inspect_upload(lat).notes == ()
        decoded = load_radiograph(lat).pixels / 65535 * 4.0 - 1.5
        np.testing.assert_allclose(decoded, light, atol=4.0 / 65535)


@pytest.mark.parametrize(
    ("film", "words"),
    [
        (np.zeros((8, 8, 3), np.uint8), "rows and columns, not of 3 axes"),
        (np.full((80, 80), -1, np.int16), "between 0 and 65535"),
        (np.full((80, 80), np.nan), "finite"),
        (np.zeros((80, 80), bool), "finite numbers"),
        (pydicom.Dataset(), "file_meta"),
    ],
    ids=["colour", "negative", "nan", "bool", "dicom"],
)
def test_what_is_no_film_is_refused_and_named(film: object, words: str) -> None:
    with pytest.raises(RadiographError, match=f"^lateral image: .*{words}"), as_files("ap.png", film):
        pass


def test_calibrations_in_every_form(tmp_path: Path) -> None:
    document = calibration_document()
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(document))
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    expected = Calibration.model_validate(document)
    assert [calibration_of(room) for room in (path, str(path), document, expected)] == [expected] * 4
    with pytest.raises(CalibrationError, match="/ap/columns: input should be a valid integer; found text"):
        calibration_of(document | {"ap": document["ap"] | {"columns": "many"}})
    with pytest.raises(CalibrationError, match="cannot be read: FileNotFoundError"):
        calibration_of(tmp_path / "none.json")


def test_a_room_from_tags_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(Exception):
        pass

    class Engine:
        def reconstruct(self, ap: Path, lat: Path, room: Calibration, *_: object) -> None:
            raise Asked(room.ap.columns, ap.name)

    monkeypatch.setattr(call, "_engine", Engine)
    by_tags = ReconstructOptions(geometry="from_tags")
    films = write_dicom(tmp_path / "ap.dcm", **AP), write_dicom(tmp_path / "lat.dcm", **LAT)
    with pytest.raises(Asked, match=r"80, 'ap\.dcm'"):
        call.reconstruct(*films, options=by_tags)
    with pytest.raises(OptionsError, match="from_tags, and there is a calibration"):
        call.reconstruct(*films, calibration_document(), by_tags)
    with pytest.raises(CalibrationError, match="there is no calibration"):
        call.reconstruct(*films)
    for name in ("ap", "lat"):
        (tmp_path / "in/a").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.dcm").rename(tmp_path / f"in/a/{name}.dcm")
    with pytest.raises(Asked):
        reconstruct_folder(tmp_path / "in", tmp_path / "out", progress=False, options=by_tags)


class Stub:
    """A spine as far as the folder needs one."""

    flag = "review"

    def save(self, folder: Path, formats: object, frame: str) -> None:
        folder.mkdir()
        (folder / frame).write_text("saved")

    def rows(self) -> list[dict[str, object]]:
        return [{"code": "lumbar_lordosis", "target": "L1-L5", "value": 41.5}]


def test_a_folder_of_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that works, one that is refused, one without a film, one without a calibration; none stops the others."""
    for name in ("a", "b", "c", "d"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for film in ("ap.png", "lat.dcm") if name != "c" else ("ap.png",):
            (tmp_path / "in" / name / film).write_text(name)
        if name != "d":
            (tmp_path / "in" / name / "calibration.json").write_text("{}")
    asked = []

    def reconstruct(ap: Path, lat: Path, room: Path, options: ReconstructOptions | None) -> Stub:
        asked.append((ap.name, lat.name, room.parent.name))
        if ap.read_text() == "b":
            raise ViewsContradictError("not the same spine")
        return Stub()

    monkeypatch.setattr(call, "reconstruct", reconstruct)
    out = tmp_path / "out"
    cases = reconstruct_folder(tmp_path / "in", out, frame="lps", progress=False)
    assert cases[:2] == (Case("a", "review"), Case("b", code="views_contradict", message="not the same spine"))
    assert [case.code for case in cases[2:]] == ["invalid_radiograph", "invalid_calibration"]
    assert asked == [("ap.png", "lat.dcm", "a"), ("ap.png", "lat.dcm", "b")]
    assert [path.name for path in out.iterdir() if path.is_dir()] == ["a"] and (out / "a/lps").is_file()
    with (out / "cases.csv").open(newline="") as file:
        assert [(row["case"], row["quality"], row["code"]) for row in csv.DictReader(file)][:2] == [
            ("a", "review", ""),
            ("b", "", "views_contradict"),
        ]
    with (out / "all_measurements.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
        assert (row["case"], row["code"], row["value"]) == ("a", "lumbar_lordosis", "41.5")
    with pytest.raises(ValueError, match="no case below"):
        reconstruct_folder(out / "a", tmp_path / "other", progress=False)
