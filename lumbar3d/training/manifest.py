"""Manifest of an asset directory (``manifest.json``): one record per asset, the others left as they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

MANIFEST = "manifest.json"
MANIFEST_VERSION = "1"


@dataclass(frozen=True)
class AssetEntry:
    """Entry of one asset in the manifest, beside its checksum."""

    name: str
    file: str
    version: str
    units: str
    provenance: str
    licence: str


class Manifest(TypedDict):
    """The file: its version and one record per asset."""

    version: str
    assets: list[dict[str, Any]]


def record_asset(directory: Path, entry: AssetEntry) -> str:
    """Add or replace the record of ``directory / entry.file``; returns its SHA-256."""
    path = directory / MANIFEST
    manifest: Manifest = json.loads(path.read_text()) if path.exists() else {"version": MANIFEST_VERSION, "assets": []}
    digest = hashlib.sha256((directory / entry.file).read_bytes()).hexdigest()
    others = [record for record in manifest["assets"] if record["name"] != entry.name]
    manifest["assets"] = sorted([*others, {**asdict(entry), "sha256": digest}], key=lambda record: record["name"])
    path.write_text(json.dumps(manifest, indent=1) + "\n")
    return digest
