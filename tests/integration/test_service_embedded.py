"""The embedded mode from the request to the mesh: a live server, and a worker process that dies."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx

from lumbar3d.contracts import ReconstructionResult
from tests.integration.processes import embedded, submit, wait_for


def test_post_to_mesh(tmp_path: Path) -> None:
    with embedded(tmp_path) as server:
        answer = submit(server.url)
        assert answer.status_code == 202, answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        address = server.url + answer.headers["Location"]
        done = wait_for(address, "succeeded")
        assert done["progress"] == 1.0 and done["attempt"] == 1
        result = ReconstructionResult.model_validate_json(httpx.get(address + "/result").content)
        assert result.software == "tiny"
        mesh = httpx.get(address + "/meshes/L3.stl")
        assert mesh.headers["content-type"] == "model/stl" and len(mesh.content) == 134
        assert mesh.headers["etag"] == f'"{hashlib.sha256(mesh.content).hexdigest()}"'
        part = httpx.get(address + "/meshes/L3.stl", headers={"Range": "bytes=0-3"})
        assert part.status_code == 206 and part.content == b"tiny"
        assert not list((tmp_path / "uploads").iterdir()), "the images go when the job ended"
        assert httpx.delete(address).status_code == 204
        assert httpx.get(address).status_code == 404
        assert not list((tmp_path / "artifacts").iterdir())
