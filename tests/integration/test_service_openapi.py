"""The published document is what the code serves, and its examples are true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lumbar3d.artifacts import ARTIFACTS, DICOM, KEPT, REPORTS, SEGMENTATION
from lumbar3d.codes import BOOK
from lumbar3d.contracts import Calibration, JobStatus, Problem, ReconstructOptions
from lumbar3d.errors import CtError, InputError, Lumbar3dError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.jobs.errors import JobsError, SchemaVersionError, WorkerSignal
from lumbar3d.service import examples, openapi, problems
from lumbar3d.service.app import create_app
from lumbar3d.service.errors import ClientGoneError, RequestError
from lumbar3d.service.settings import ServiceSettings

PUBLISHED = Path(__file__).parents[2] / "openapi.yaml"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    published: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text())
    return published


def test_published_equals_served(tmp_path: Path) -> None:
    assert openapi.main(["--check", str(PUBLISHED)]) == 0
    changed = tmp_path / "openapi.yaml"
    changed.write_text(PUBLISHED.read_text().replace("Submit two radiographs", "Submit one radiograph"))
    assert openapi.main(["--check", str(changed)]) == 1
    assert openapi.main(["--check", str(tmp_path / "missing.yaml")]) == 1


def test_every_route_is_documented(document: dict[str, Any], tmp_path: Path) -> None:
    app = create_app(ServiceSettings(data_dir=tmp_path, require_api_key=False))
    app.state.services.close()
    assert app.openapi()["paths"].keys() == document["paths"].keys()
    assert set(document["paths"]) == {
        "/reconstruct",
        "/jobs/{job_id}",
        "/jobs/{job_id}/events",
        *("/jobs/{job_id}" + artifact.address for artifact in (*ARTIFACTS, *KEPT, *REPORTS, DICOM, SEGMENTATION)),
        "/jobs",
        "/jobs/{job_id}/review",
        "/jobs/{job_id}/revisions",
        "/jobs/{job_id}/compare/{other_id}",
        "/healthz",
        "/readyz",
        "/version",
        "/metrics",
        "/audit",
    }


def test_references_resolve(document: dict[str, Any]) -> None:
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document))
    assert set(references) <= set(document["components"]["schemas"])
    assert {"Calibration", "ReconstructOptions", "JobStatus", "ReconstructionResult", "Problem"} <= set(references)


def test_generators_of_clients_understand_what_may_be_missing(document: dict[str, Any]) -> None:
    """``anyOf`` becomes an empty class in C#; and nobody can write null in a header or a query."""
    text = json.dumps(document)
    assert '"null"]' in text and '{"type": "null"}]' in text and '"anyOf"' not in text
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    parameters = [parameter for operation in operations for parameter in operation.get("parameters", ())]
    assert parameters and '"null"' not in json.dumps(parameters)


def test_routes_with_a_key_say_401(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("401" in operation["responses"]) == bool(operation["security"]), path
            asks = "requestBody" in operation or any(part["in"] == "query" for part in operation.get("parameters", ()))
            assert "422" not in operation["responses"] or asks, path


def test_examples_follow_the_contracts() -> None:
    build_geometry(Calibration.model_validate(examples.CALIBRATION))
    ReconstructOptions.model_validate(examples.OPTIONS)
    for status in (examples.RUNNING, examples.QUEUED):
        JobStatus.model_validate(status)


def test_documented_codes_have_the_status_of_the_book(document: dict[str, Any]) -> None:
    told = set()
    for operations in document["paths"].values():
        for responses in (operation["responses"] for operation in operations.values()):
            for status, response in responses.items():
                if problems.MEDIA_TYPE in response.get("content", {}):
                    example = Problem.model_validate(response["content"][problems.MEDIA_TYPE]["example"])
                    found = re.findall(r"^- `(\w+)`: (.*)$", response["description"], re.MULTILINE)
                    assert str(example.status) == status and example.code == found[0][0]
                    assert {BOOK[code].status for code, _ in found} == {int(status)}
                    assert [words for _, words in found] == [f"{BOOK[c].title}. {BOOK[c].cure}" for c, _ in found]
                    told.update(code for code, _ in found)
    refused = {kind.code for kind in (*_kinds(RequestError), *_kinds(JobsError), *_kinds(InputError))}
    silent = (RequestError, InputError, CtError, SchemaVersionError, ClientGoneError)
    never = {kind.code for kind in (*silent, *_kinds(WorkerSignal), *_trained())}
    assert refused - never <= told, "whatever can be told is documented"


def _kinds(kind: type[Lumbar3dError]) -> set[type[Lumbar3dError]]:
    return {kind}.union(*map(_kinds, kind.__subclasses__())) - {JobsError, WorkerSignal}


def _trained() -> set[type[Lumbar3dError]]:
    return {kind for kind in _kinds(InputError) if kind.__module__.startswith("lumbar3d.training.")}
