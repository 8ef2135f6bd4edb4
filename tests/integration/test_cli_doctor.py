"""``lumbar3d doctor`` on a good and on a broken installation, and settings that are slips."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lumbar3d.cli import doctor_checks
from lumbar3d.errors import AssetError
from tests.integration.processes import environment_for


def lumbar3d(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lumbar3d.cli", *arguments], env=environment, capture_output=True, text=True
    )


def findings(environment: dict[str, str], *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    done = lumbar3d(environment, "doctor", "--json", *arguments)
    return done.returncode, {one["check"]: (one["state"], one["text"]) for one in json.loads(done.stdout)["findings"]}


def test_a_quick_look_at_a_fresh_folder(tmp_path: Path) -> None:
    status, found = findings(environment_for(tmp_path, min_free_mb="1"), "--no-engine")
    assert status == 0, found
    assert found["schema"][0] == "warning" and found["redis"][0] == "skipped" == found["self-test"][0]
    assert all(found[name][0] == "ok" for name in ("settings", "store", "disk", "database", "clock")), found


def test_the_store_of_the_settings_is_asked(tmp_path: Path) -> None:
    """A bucket behind an address where nobody listens."""
    environment = environment_for(tmp_path, min_free_mb="1", store_url="s3://nobody/here")
    environment |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    status, found = findings(environment, "--no-engine")
    assert status == 1 and found["store"][0] == "failed" and found["folder"][0] == "ok"


def test_what_is_broken_is_named_and_the_rest_is_checked(tmp_path: Path) -> None:
    environment = environment_for(tmp_path, min_free_mb="1e15", broker_url="redis://127.0.0.1:1/0")
    status, found = findings(environment, "--no-engine")
    assert status == 1
    assert {name for name, (state, _) in found.items() if state == "failed"} == {"disk", "redis"}


def test_a_flipped_byte_in_an_asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(1000)
    (tmp_path / "network.onnx").write_bytes(content)
    record = {"name": "network", "file": "network.onnx", "sha256": hashlib.sha256(content).hexdigest(), "version": "1"}
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "1", "assets": [record]}))
    monkeypatch.setenv("LUMBAR3D_ASSETS", str(tmp_path))
    assert doctor_checks.assets()[0] == "ok"
    (tmp_path / "network.onnx").write_bytes(b"\1" + content[1:])
    with pytest.raises(AssetError, match="does not match its checksum"):
        doctor_checks.assets()


@pytest.mark.parametrize("arguments", [["worker"], ["serve", "--port", "0"]], ids=lambda a: str(a[0]))
def test_a_slip_in_a_setting_is_told(tmp_path: Path, arguments: list[str]) -> None:
    done = lumbar3d(environment_for(tmp_path, retenton_days="3"), *arguments)
    assert done.returncode in (1, 2)
    assert "LUMBAR3D_RETENTON_DAYS; did you mean LUMBAR3D_RETENTION_DAYS?" in done.stdout + done.stderr


def test_a_wrong_value_is_told_by_what_is_expected(tmp_path: Path) -> None:
    environment = environment_for(tmp_path, retention_days="DOE")
    command = [sys.executable, "-m", "uvicorn", "--factory", "lumbar3d.service.app:create_app_from_environment"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and "LUMBAR3D_RETENTION_DAYS: Input should be a valid number" in done.stderr
    assert "DOE" not in done.stderr and "Traceback" not in done.stderr
