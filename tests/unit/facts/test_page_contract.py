"""Documents of the interface as the page types them: fields and words that the contracts have, and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lumbar3d.contracts import Recognition

ROOT = Path(__file__).resolve().parents[3]
SOURCE = (ROOT / "page/src/contract.ts").read_text()
RECOGNITION = Recognition.model_json_schema()
SCHEMAS: dict[str, dict[str, Any]] = {
    **RECOGNITION["$defs"],
    "Recognition": RECOGNITION,
    **yaml.safe_load((ROOT / "openapi.yaml").read_text())["components"]["schemas"],
}
OTHER_NAMES = {
    "Landmark": "LandmarkResult",
    "Sighting": "LandmarkSighting",
    "Quality": "LevelQuality",
    "LevelNames": "LevelNamesReport",
    "LumbarCount": "LumbarCountReport",
    "Result": "ReconstructionResult",
    "OverlayLevel": "LevelOverlay",
    "OverlayView": "ViewOverlay",
    "RevisionEntry": "Revision",
    "Recognised": "RecognisedPoint",
    "FilmFacts": "RecognisedFilm",
}
"""Schemas that the page calls by a shorter name."""
NOT_PUBLISHED = {"Fault", "AnyView", "Construction", "ConstructionLine", "ConstructionPoint"}
"""Parts that the interface's description does not name."""
INTERFACE = re.compile(r"^(?:export )?interface (\w+)(?: extends (\w+))? {\n(.*?)^}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^  (\w+)\??: (.*);$", re.MULTILINE)
ALIASES = dict(re.findall(r"^export type (\w+) = (.*);$", SOURCE, re.MULTILINE))


def interfaces() -> dict[str, dict[str, str]]:
    """Types of the fields of every interface, those that it extends with it."""
    found: dict[str, dict[str, str]] = {}
    for name, base, body in INTERFACE.findall(SOURCE):
        found[name] = found.get(base, {}) | dict(FIELD.findall(body))
    return found


def words(kind: str) -> set[str]:
    """Quoted words of a type, aliases and fields of other types followed."""
    kind = re.sub(r'(\w+)\["(\w+)"\]', lambda found: interfaces()[found[1]][found[2]], kind)
    return set(re.findall(r'"(\w+)"', re.sub(r"\w+", lambda name: ALIASES.get(name[0], name[0]), kind)))


def allowed(schema: Any) -> set[str]:
    """Words that a schema allows, references followed."""
    if isinstance(schema, list):
        return set().union(*map(allowed, schema))
    if not isinstance(schema, dict):
        return set()
    if "$ref" in schema:
        return allowed(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    own = {schema["const"]} if "const" in schema else set(schema.get("enum", ()))
    return own.union(*(allowed(schema.get(key)) for key in ("anyOf", "oneOf", "allOf", "items")))


@pytest.mark.parametrize("name", sorted(interfaces().keys() - NOT_PUBLISHED))
def test_the_page_types_what_is_published(name: str) -> None:
    published = SCHEMAS[OTHER_NAMES.get(name, name)]["properties"]
    for field, kind in interfaces()[name].items():
        assert field in published, field
        if words(kind) and not kind.startswith(("{", "Record")):
            assert words(kind) == allowed(published[field]), field


def test_edits_are_those_of_the_contract() -> None:
    listed = re.search(r"^export type Edit =\n(.*?);\n\n", SOURCE, re.MULTILINE | re.DOTALL)
    assert listed is not None
    edits = dict(re.findall(r'{ type: "(\w+)"((?:; \w+\??: [^;}]*)*) }', listed[1]))
    kinds = {"SetLandmark", "RemoveLandmark", "SetCentre", "Rename", "KeepLevels", "ChangeFilms", "Prompt"}
    kinds |= {"SetHips", "RemoveHips"}
    published = {SCHEMAS[kind]["properties"]["type"]["const"]: set(SCHEMAS[kind]["properties"]) for kind in kinds}
    assert {kind: {"type", *re.findall(r"; (\w+)\??:", fields)} for kind, fields in edits.items()} == published


def test_the_search_sees_interfaces_and_words() -> None:
    assert len(interfaces()) > 30 and len(interfaces()["SlotView"]) == 8
    assert words("Standing | null") == {"inside", "borderline", "outside"}
