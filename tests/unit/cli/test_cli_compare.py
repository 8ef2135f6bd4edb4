"""``compare``: two results of one person on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lumbar3d.cli.errors import Exit
from lumbar3d.cli.main import app
from lumbar3d.contracts import ReconstructionResult, SegmentMotion
from tests.conftest import calibration_document


def write(path: Path, sagittal_deg: float, lower: str = "L4") -> str:
    """A result with one pair of vertebrae; half a degree and a quarter of a millimetre of error."""
    motion = SegmentMotion(
        upper="L3",
        lower=lower,
        rotation_deg=(0.0, sagittal_deg, 0.0),
        rotation_sigma_deg=(0.5, 0.5, 0.5),
        translation_mm=(1.0, 0.0, 30.0),
        translation_sigma_mm=(0.25, 0.25, 0.25),
    )
    level = {
        "level": lower,
        "world_from_model": [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]],
        "coefficients_sd": [],
        "landmarks": [],
        "quality": {"image_residual": 0.1, "ray_residual_mm": 1.0, "overlap_dice": 0.9, "surface_sigma_mm": 1.0}
        | {"flag": "ok"},
    }
    document = {"software": "test", "method": "gauss_newton", "quality": "ok", "timings_s": {}, "assets": []}
    document |= {"versions": {}, "measurements": [], "calibration": calibration_document(), "levels": [level]}
    result = ReconstructionResult.model_validate(document | {"segments": [motion.model_dump()]})
    path.write_text(result.model_dump_json())
    return str(path)


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["compare", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_a_change_beyond_what_can_be_detected_has_a_star(tmp_path: Path) -> None:
    before, after = write(tmp_path / "a.json", 4.0), write(tmp_path / "b.json", -5.0)
    status, told, _ = run(before, after)
    assert status == 0 and told.splitlines()[0].startswith("L3/L4  lateral ")
    assert "sagittal -9.0 +- 0.7*" in told and told.count("*") == 1
    status, told, _ = run(before, after, "--json")
    assert status == 0
    assert json.loads(told)["segments"][0]["rotation_deg"][1] == pytest.approx(-9.0)
    assert run(before, before)[1].splitlines()[1] == "no change that could be detected"


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a.json", 4.0), write(tmp_path / "b.json", 4.0, lower="L5")
    assert run(one, other)[0] == Exit.REFUSED
    (tmp_path / "none.json").write_text("{}")
    status, _, words = run(one, str(tmp_path / "none.json"))
    assert status == Exit.REFUSED and "none.json is no result.json of this version" in words
