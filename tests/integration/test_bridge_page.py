"""The lines of docs/bridge.md, as a newcomer types them: archive, service and bridge on one machine."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.processes import ROOT, free_port
from tests.orthanc import BINARY

PATIENCE_S = 240.0
PORTS = ("8000", "8042", "4242", "11112")
COMMAND = f"""#!/bin/sh
# The installed command, but for the engine, which takes no time here.
if [ "$1" = serve ]; then exec {sys.executable} -m tests.embedded_service tests.tiny_embedded "$5" "$3"; fi
exec {sys.executable} -m lumbar3d.cli "$@"
"""


def lines() -> str:
    """The first block below the heading."""
    text = (ROOT / "docs/bridge.md").read_text().split("## The whole way on one machine")[1]
    (block, *_) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for port in PORTS:
        assert port in block
        block = block.replace(port, str(free_port()))
    return str(block)


@pytest.mark.skipif(BINARY is None, reason="Orthanc is not installed")
def test_the_whole_way_on_one_machine_as_it_is_written(tmp_path: Path) -> None:
    script = tmp_path / "bin" / "lumbar3d"
    script.parent.mkdir()
    script.write_text(COMMAND)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    path = ":".join([str(script.parent), str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    log = tmp_path / "log"
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-euc", lines()],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        assert shell.wait(PATIENCE_S) == 0, log.read_text()
    finally:
        os.killpg(shell.pid, signal.SIGTERM)  # what runs in the background
    assert re.search(r'"CountInstances" : 10\b', log.read_text()), log.read_text()
