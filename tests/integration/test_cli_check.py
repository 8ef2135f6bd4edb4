"""``check`` and ``calibrate``: real files in, words or a document out, no engine."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from lumbar3d.cli.errors import Exit
from lumbar3d.cli.main import app
from lumbar3d.contracts import Calibration, GeometryView
from lumbar3d.geometry.calibration import build_geometry
from tests.conftest import calibration_document
from tests.unit.geometry.test_geometry_beads import phantom, seen
from tests.unit.imaging.test_imaging_tagged_room import AP, LAT
from tests.unit.radiograph_files import dicom, write_dicom, write_png

SIDE = 1024


def film(view: str) -> np.ndarray:
    v, u = np.mgrid[:SIDE, :SIDE]
    return (2000 + 1500 * np.sin(v / 90 + (view == "lat")) * np.cos(u / 70)).astype(np.uint16)


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """AP (DICOM), LAT (PNG), calibration as command line arguments."""
    facts = {"ImagerPixelSpacing": [0.42, 0.42], "DistanceSourceToDetector": 1300}
    write_dicom(tmp_path / "ap", dicom(film("ap")), **facts)
    write_png(tmp_path / "lat", film("lat"))
    (tmp_path / "calibration").write_text(json.dumps(calibration_document()))
    return [str(tmp_path / name) for name in ("ap", "lat", "calibration")]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_a_good_pair_is_described(pair: list[str]) -> None:
    result = run("check", *pair)
    assert result.exit_code == Exit.OK, result.output
    for words in (
        "AP image: DICOM, Digital X-Ray Image Storage - For Presentation; 1024 columns x 1024 rows, 12 bits; pixel "
        "spacing 0.42 x 0.42 mm; source to detector 1300 mm",
        "lateral image: PNG; 1024 columns x 1024 rows, 16 bits; says no pixel spacing",
        "AP view: 1024 columns x 1024 rows, pixel spacing 0.42 x 0.42 mm; source to detector 1300 mm, source to "
        "patient 1000 mm; rays run posterior, columns to the patient's left, rows down",
        "AP image and calibration: 1024 x 1024 and 1024 x 1024 pixels, spacing 0.42 x 0.42 and 0.42 x 0.42 mm, source "
        "to detector 1300 and 1300 mm",
        "lateral image and calibration: 1024 x 1024 and 1024 x 1024 pixels\n",
        "World frame: x anterior, y to the patient's left, z up",
        "Angle between the views: 90.0 degrees",
        "A job would be accepted.",
    ):
        assert words in result.stdout
    document = json.loads(run("check", *pair, "--json").stdout)
    assert document["accepted"] and document["refusals"] == [] and document["notes"] == []
    assert document["images"]["ap"]["pixel_spacing_mm"] == [0.42, 0.42]
    assert document["calibration"]["lat"]["rays_run"] == "to the patient's left"


def test_every_fault_is_told_not_the_first_alone(pair: list[str], tmp_path: Path) -> None:
    write_dicom(tmp_path / "ap", dicom(film("ap")), ImagerPixelSpacing=[0.5, 0.5], DistanceSourceToDetector=1100)
    write_png(tmp_path / "lat", np.full((SIDE, SIDE), 700, np.uint16))
    result = run("check", *pair)
    assert result.exit_code == Exit.REFUSED
    for words in (
        "Refused (invalid_calibration): the pixel spacing in the AP image, 0.5 mm, contradicts its calibration, 0.42",
        "Refused (invalid_calibration): the Distance Source to Detector in the AP image, 1100 mm",
        "Refused (empty_image): lateral image: every pixel has the same value",
        "A job would be refused.",
    ):
        assert words in result.stdout


def test_a_calibration_that_is_none_does_not_hide_what_the_images_are(pair: list[str], tmp_path: Path) -> None:
    document: Any = calibration_document()
    document["lat"]["rows"] = 8
    document["ap"]["source_mm"] = [1000.0, "x", 0.0]
    (tmp_path / "calibration").write_text(json.dumps(document))
    result = run("check", *pair)
    assert result.exit_code == Exit.REFUSED
    assert "AP image: DICOM" in result.stdout
    assert "calibration, /lat/rows: input should be greater than or equal to 16; found 8" in result.stdout
    assert "calibration, /ap/source_mm/1: input should be a valid number; found text" in result.stdout


def test_another_world_frame_is_named(pair: list[str], tmp_path: Path) -> None:
    document: Any = calibration_document()
    for view in (document["ap"], document["lat"]):
        for name in ("source_mm", "detector_origin_mm", "detector_u_axis", "detector_v_axis"):
            x, y, z = view[name]
            view[name] = [y, -x, z]
    (tmp_path / "calibration").write_text(json.dumps(document))
    found = json.loads(run("check", *pair, "--json").stdout)
    assert [refusal["code"] for refusal in found["refusals"]] == ["invalid_calibration"]
    assert "LPS" in found["refusals"][0]["detail"]


def test_a_calibration_from_dicom_is_one_that_check_accepts(tmp_path: Path) -> None:
    for name, said in (("ap", AP), ("lat", LAT)):
        write_dicom(tmp_path / name, dicom(film(name)), **said)
    ap, lat, path = (str(tmp_path / name) for name in ("ap", "lat", "made.json"))
    result = run("calibrate", "from-dicom", ap, lat, "--out", path)
    assert result.exit_code == Exit.OK and "90.0 degrees" in result.stderr
    assert run("check", ap, lat, path).exit_code == Exit.OK
    assert run("check", ap, lat, "--geometry", "from_tags").exit_code == Exit.OK
    assert run("check", ap, lat).exit_code == Exit.USAGE
    told = json.loads(run("calibrate", "from-dicom", ap, lat, "--json").stdout)
    assert told["calibration"] == json.loads(Path(path).read_text()) and told["files"] == []
    assert told["view_angle_deg"] == pytest.approx(90.0)
    printed = run("calibrate", "from-dicom", ap, lat)
    assert json.loads(printed.stdout) == json.loads(Path(path).read_text())
    write_dicom(tmp_path / "lat", dicom(film("lat")), **{k: v for k, v in LAT.items() if k != "PositionerPrimaryAngle"})
    refused = run("calibrate", "from-dicom", ap, lat)
    assert refused.exit_code == Exit.REFUSED and "Positioner Primary Angle (0018,1510)" in refused.stderr
    checked = run("check", ap, lat, "--geometry", "from_tags")
    assert checked.exit_code == Exit.REFUSED and "Positioner Primary Angle (0018,1510)" in checked.stdout


def write_beads(path: Path, room: Calibration, noise_px: float, spoil: Any = lambda name, beads: beads) -> str:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["view", "x_mm", "y_mm", "z_mm", "u_px", "v_px"])
        for name in ("ap", "lat"):
            beads, view = spoil(name, phantom()), getattr(room, name)
            assert isinstance(view, GeometryView)
            for bead, pixel in zip(beads, seen(view, beads, noise_px), strict=True):
                table.writerow([name, *bead, *pixel])
    return str(path)


def test_a_bead_phantom_gives_the_room_and_its_errors(
    pair: list[str], tmp_path: Path, calibration: Calibration
) -> None:
    ap, lat, _ = pair
    made = tmp_path / "made.json"
    beads = write_beads(tmp_path / "beads.csv", calibration, 0.1)
    arguments = ("calibrate", "from-beads", beads, "--films", ap, lat, "--spacing-mm", "0.42", "0.42")
    result = run(*arguments, "--out", str(made), "--json")
    assert result.exit_code == Exit.OK, result.output
    assert "AP view, 20 beads" in result.stderr and "fit without it" in result.stderr
    told = json.loads(result.stdout)
    assert told["files"] == [str(made)] and told["calibration"] == json.loads(made.read_text())
    for errors in (told["errors"]["ap"], told["errors"]["lat"]):
        assert errors["beads"] == 20 and f"residual {errors['residual_mm']:.3f}" in result.stderr
        assert 0.02 < errors["residual_mm"] < errors["left_out_mm"] < 0.2 < errors["source_sd_mm"]
    found = build_geometry(Calibration.model_validate_json(made.read_text()))
    truth = build_geometry(calibration)
    points = np.random.default_rng(3).uniform(-60, 60, (50, 3))
    for view, true in ((found.ap, truth.ap), (found.lat, truth.lat)):
        assert np.abs(view.project(points)[0] - true.project(points)[0]).max() < 0.35
    assert run("check", ap, lat, str(made)).exit_code == Exit.OK


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("view,x\n", Exit.REFUSED, "must name view, x_mm"),
        ("view,x_mm,y_mm,z_mm,u_px,v_px\nap,1,2,3,4,x\n", Exit.REFUSED, "line 2 is not ap or lat and five numbers"),
        ("view,x_mm,y_mm,z_mm,u_px,v_px\nap,1,2,nan,4,5\n", Exit.REFUSED, "line 2"),
        ("view,x_mm,y_mm,z_mm,u_px,v_px\npa,1,2,3,4,5\n", Exit.REFUSED, "line 2"),
        ("view,x_mm,y_mm,z_mm,u_px,v_px\nap,1,2,3,4,5\n", Exit.REFUSED, "8 beads are needed, found 1"),
    ],
)
def test_tables_that_are_none_of_beads(pair: list[str], tmp_path: Path, text: str, status: Exit, words: str) -> None:
    (tmp_path / "beads.csv").write_text(text)
    result = run(
        "calibrate", "from-beads", str(tmp_path / "beads.csv"), "--films", *pair[:2], "--spacing-mm", "0.42", "0.42"
    )
    assert result.exit_code == status and words in result.stderr.replace("\n", " ")


def test_a_flat_phantom_is_refused_with_its_view(pair: list[str], tmp_path: Path, calibration: Calibration) -> None:
    beads = write_beads(tmp_path / "beads.csv", calibration, 0.0, lambda name, b: b * [1, 1, 0] if name == "lat" else b)
    result = run("calibrate", "from-beads", beads, "--films", *pair[:2], "--spacing-mm", "0.42", "0.42")
    assert result.exit_code == Exit.REFUSED and "lateral view: the beads lie in a plane" in result.stderr
