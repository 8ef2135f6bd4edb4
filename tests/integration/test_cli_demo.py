"""``demo`` around a service: one that runs is used and left alone, one that cannot start is told in a line."""

from __future__ import annotations

import http.server
import json
import threading
from urllib.parse import urlsplit

from typer.testing import CliRunner

from lumbar3d.cli.errors import Exit
from lumbar3d.cli.main import app
from tests.embedded_service import running_service
from tests.integration.test_cli_client import FILES


class SomethingElse(http.server.BaseHTTPRequestHandler):
    """Answers 501 to everything."""

    def log_message(self, *_: object) -> None:
        """Quiet."""


def demo(*arguments: str, **environment: str):
    return CliRunner(env=environment).invoke(app, ["demo", "--exit", *arguments], catch_exceptions=False)


def test_a_running_service_is_used_and_left_running(tmp_path):
    with running_service("tests.tiny_embedded", tmp_path) as running:
        result = demo("--port", str(urlsplit(running.url).port), "--out", str(tmp_path / "out"))
        again = demo("--json", "--port", str(urlsplit(running.url).port), "--out", str(tmp_path / "again"))
        assert result.exit_code == Exit.OK and running.process.poll() is None
    assert result.stdout.startswith(f"Result page: {running.url}/view.html?job=")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    told = json.loads(again.stdout)
    assert told["event"] == "succeeded" and told["page"] == f"{running.url}/view.html?job={told['job']}"
    assert sorted(told["files"]) == sorted(str(path) for path in (tmp_path / "again").iterdir())


def test_a_taken_port_is_avoided_and_a_service_that_cannot_work_is_told(tmp_path):
    with http.server.HTTPServer(("127.0.0.1", 0), SomethingElse) as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.05,))
        thread.start()
        port = other.server_address[1]
        result = demo("--port", str(port), "--out", str(tmp_path), LUMBAR3D_ASSETS=str(tmp_path))
        other.shutdown()
        thread.join()
    assert f"Starting the service at http://127.0.0.1:{port} " not in result.stderr
    assert result.exit_code == Exit.FAILED
    assert result.stderr.splitlines()[-1].startswith("lumbar3d: the service ended by itself; see ")
    assert "cannot load its engine" in (tmp_path / "service.log").read_text()
