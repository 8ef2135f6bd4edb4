"""Settings: every name is known to every process."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbar3d.cli.settings import table
from lumbar3d.jobs.settings import KNOWN, UnknownSettingError, refuse_unknown
from lumbar3d.service.settings import ServiceSettings
from lumbar3d.worker.settings import WorkerSettings


def test_known_names_are_those_of_the_classes() -> None:
    fields = set(ServiceSettings.model_fields) | set(WorkerSettings.model_fields)
    assert {name.upper() for name in fields} == KNOWN


def test_what_nobody_reads_is_refused() -> None:
    refuse_unknown({"LUMBAR3D_SWEEP_S": "1", "lumbar3d_server": "x", "HOME": "/", "LUMBAR3D_ASSETS": "y"})
    refuse_unknown({"LUMBAR3D_BRIDGE_WEB_AUTHORIZATION": "Bearer x"})  # the bridge's, on the same workstation
    with pytest.raises(UnknownSettingError, match="did you mean LUMBAR3D_DEVICE"):
        refuse_unknown({"LUMBAR3D_DEVISE": "gpu"})
    with pytest.raises(UnknownSettingError, match=r"docs/operate\.md"):
        refuse_unknown({"LUMBAR3D_QQQ": "gpu"})


def test_the_documented_table_is_that_of_the_code() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "operate.md").read_text()
    assert table() in page, "paste the output of `lumbar3d settings` into docs/operate.md"
    assert "SecretStr" not in table() and all(f"`LUMBAR3D_{name}`" in page for name in KNOWN)
