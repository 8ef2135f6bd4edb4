"""Bundle: a reconstruction as the files that a job delivers."""

from __future__ import annotations

import json
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import to_json

from lumbar3d import artifacts
from lumbar3d.anatomy import Level
from lumbar3d.arrays import Image
from lumbar3d.drr.projector import Projector
from lumbar3d.export.meshes import write_meshes
from lumbar3d.export.overlay import OverlayInput, turned_over, view_overlay
from lumbar3d.export.overlay_document import OverlayDocument, ViewOverlay
from lumbar3d.export.picture import write_film
from lumbar3d.reconstruction import Reconstruction


@dataclass(frozen=True)
class Before:
    """What a revision starts from.

    Attributes
    ----------
    directory : Path
        With its pictures and overlay document.
    unmoved : set of str
        Levels whose surfaces are as they were.
    """

    directory: Path
    unmoved: frozenset[Level]


def write_bundle(
    reconstruction: Reconstruction, directory: Path, projector: Projector, before: Before | None = None
) -> None:
    """Write STL, zip, GLB, films and overlay document; ``result.json`` is the caller's last act.

    Parameters
    ----------
    reconstruction : Reconstruction
    directory : Path
        Existing.
    projector : Projector
        Draws the silhouettes.
    before : Before, optional
        Its pictures, and outlines of what has not moved, are taken over.
    """
    with ThreadPoolExecutor(1) as beside:
        meshes = beside.submit(lambda: write_meshes(reconstruction.surfaces(), directory))
        if before is None:
            _write_films(reconstruction, directory)
            views = view_overlays(reconstruction, projector)
        else:
            _copy_films(before, directory)
            views = _revised_overlays(reconstruction, projector, before)
        document: OverlayDocument = {"views": views}
        (directory / artifacts.OVERLAY.file).write_bytes(to_json(document))
        meshes.result()


def _write_films(reconstruction: Reconstruction, directory: Path) -> None:
    for name, pixels in films_as_sent(reconstruction).items():
        write_film(pixels, directory / artifacts.IMAGE.name(name))


def _copy_films(before: Before, directory: Path) -> None:
    for _, name in artifacts.IMAGE.files():
        artifacts.take_over(before.directory / name, directory)


def _revised_overlays(reconstruction: Reconstruction, projector: Projector, before: Before) -> dict[str, ViewOverlay]:
    """With the outlines that were drawn before where nothing has moved."""
    known: OverlayDocument = json.loads((before.directory / artifacts.OVERLAY.file).read_bytes())
    overlays = view_overlays(reconstruction, projector, before.unmoved)
    for view, overlay in overlays.items():
        for level in before.unmoved:
            overlay["levels"][level]["outline"] = known["views"][view]["levels"][level]["outline"]
    return overlays


def films_as_sent(reconstruction: Reconstruction) -> dict[str, Image]:
    """Both films (rows, columns) on the network's grid by view, the way round that they were sent."""
    return {view.view: view.as_sent(view.pixels) for view in reconstruction.views}


def view_overlays(
    reconstruction: Reconstruction, projector: Projector, without_outline: Collection[str] = ()
) -> dict[str, ViewOverlay]:
    """Outlines and landmarks by view, in the pixels of the written films."""
    meshes = {level: mesh for level, mesh in reconstruction.meshes.items() if level not in without_outline}
    overlays: dict[str, ViewOverlay] = {}
    for view, detection in zip(reconstruction.views, reconstruction.detection.views, strict=True):
        drawn = OverlayInput(
            vertebrae=reconstruction.vertebrae,
            meshes=meshes,
            detection=detection,
            landmark_seen=reconstruction.registration.landmark_seen,
        )
        overlay = view_overlay(drawn, view.projection, projector)
        overlays[view.view] = turned_over(overlay) if view.seen_from_behind else overlay
    return overlays
