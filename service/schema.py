"""The OpenAPI document: FastAPI's, with the contracts that only appear in multipart parts and with the API key."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from lumbar3d.contracts import Calibration, Problem, ReconstructionResult, ReconstructOptions
from lumbar3d.edits import ReviewRequest, RevisionRequest
from lumbar3d.export.overlay_document import OverlayDocument

DESCRIPTION = """Submit, follow, fetch:

1. `POST /reconstruct` with two radiographs and their calibration; 202 and a Location.
2. `GET /jobs/{job_id}` until the state is final, or listen to `/jobs/{job_id}/events`.
3. `GET /jobs/{job_id}/result` and the meshes; `DELETE /jobs/{job_id}` erases everything.

World frame: SRS / ISO 2631 (x anterior, y left, z up), millimetres and degrees. Errors are RFC 9457 problem documents
with a stable `code`; they never repeat the input. A code has one status, in an answer and as the `error` of a job that
ended without a result: 5xx is our side's fault, and the same images may be sent again; 4xx is the request's or the
images', and only Retry-After says that time cures it. A JSON part that does not follow its contract gets `faults`:
pointer (RFC 6901) and code of each wrong field. All codes: docs/errors.md. HEAD is answered wherever GET is, 304
where If-None-Match names the present ETag, 412 where If-Match does not (RFC 9110). Decision support for research. Not a
medical device."""
KEY = "An API key, or an access token (JWT) of the configured issuer; not needed in the embedded mode."
SECURITY = {"ApiKey": {"type": "http", "scheme": "bearer", "description": KEY}}
REFERENCE = "#/components/schemas/{model}"
OPEN_PATHS = ("/healthz", "/readyz", "/version", "/metrics")
GENERATED = ("HTTPValidationError", "ValidationError")
NULL = {"type": "null"}


def install(app: FastAPI) -> None:
    """Make ``app.openapi`` answer our document."""
    document: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not document:
            document.update(build(app))
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def build(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of this application."""
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
    )
    kinds = (Calibration, ReconstructOptions, Problem, ReconstructionResult, ReviewRequest, RevisionRequest)
    models = [(model, "validation") for model in kinds]
    _, definitions = models_json_schema(models, ref_template=REFERENCE)  # type: ignore[arg-type]
    overlay = TypeAdapter(OverlayDocument).json_schema(ref_template=REFERENCE)
    schemas = {**document["components"]["schemas"], **definitions["$defs"], **overlay.pop("$defs"), "Overlay": overlay}
    schemas = {name: schema for name, schema in sorted(schemas.items()) if name not in GENERATED}
    document["servers"] = [{"url": "/", "description": "wherever this is served"}]
    document["components"] = {"schemas": schemas, "securitySchemes": SECURITY}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _finish(operation, is_open=path in OPEN_PATHS)
    without_unions: dict[str, Any] = _plain(document)
    return without_unions


def _plain(part: Any) -> Any:
    """Every "this or null" as generators of clients understand it: a list of types, or ``oneOf`` where it is no type.

    ``anyOf`` with null says the same, and becomes an empty class in C#; so does that of several plain types, and a
    list of them becomes the first: those are said in words.
    """
    if isinstance(part, list):
        return [_plain(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = {name: _plain(value) for name, value in part.items()}
    if (branches := part.pop("anyOf", None)) is None:
        return part
    if (given := _given(branches)) is None:
        return {"description": " or ".join(branch["type"] for branch in branches), **part}
    if isinstance(given.get("type"), str) and "enum" not in given:
        return {**given, "type": [given["type"], "null"], **part}
    return {"oneOf": branches, **part}


def _given(branches: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of something or null the something."""
    others = [branch for branch in branches if branch != NULL]
    return others[0] if len(others) == 1 < len(branches) else None


def _finish(operation: dict[str, Any], is_open: bool) -> None:
    """Say which routes need a key, and drop FastAPI's own 422: a wrong id is 404 here.

    A parameter is left out, never null: nobody can write null in a header.
    """
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        parameter["schema"] = {**(_given(schema.pop("anyOf", [])) or {}), **schema}
    operation["security"] = [] if is_open else [{"ApiKey": []}]
    generated = operation["responses"].get("422", {}).get("content", {}).get("application/json")
    if generated is not None:
        del operation["responses"]["422"]
