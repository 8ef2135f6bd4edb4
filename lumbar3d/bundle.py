"""Bundle: a reconstruction as the files that a job delivers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lumbar3d import artifacts
from lumbar3d.arrays import Image
from lumbar3d.drr.projector import Projector
from lumbar3d.export.meshes import write_meshes
from lumbar3d.export.overlay import OverlayInput, turned_over, view_overlay
from lumbar3d.export.overlay_document import OverlayDocument, ViewOverlay
from lumbar3d.export.picture import write_film
from lumbar3d.reconstruction import Reconstruction


def write_bundle(reconstruction: Reconstruction, directory: Path, projector: Projector) -> None:
    """Write STL, zip, GLB, films and overlay document; ``result.json`` is the caller's last act.

    Parameters
    ----------
    reconstruction : Reconstruction
    directory : Path
        Existing.
    projector : Projector
        Draws the silhouettes.
    """
    with ThreadPoolExecutor(1) as beside:
        meshes = beside.submit(lambda: write_meshes(reconstruction.surfaces(), directory))
        _write_pictures(reconstruction, directory, projector)
        meshes.result()


def _write_pictures(reconstruction: Reconstruction, directory: Path, projector: Projector) -> None:
    for name, pixels in films_as_sent(reconstruction).items():
        write_film(pixels, directory / artifacts.IMAGE.name(name))
    document: OverlayDocument = {"views": view_overlays(reconstruction, projector)}
    (directory / artifacts.OVERLAY.file).write_text(json.dumps(document, separators=(",", ":")))


def films_as_sent(reconstruction: Reconstruction) -> dict[str, Image]:
    """Both films (rows, columns) on the network's grid by view, the way round that they were sent."""
    return {view.view: view.as_sent(view.pixels) for view in reconstruction.views}


def view_overlays(reconstruction: Reconstruction, projector: Projector) -> dict[str, ViewOverlay]:
    """Outlines and landmarks by view, in the pixels of the written films."""
    overlays: dict[str, ViewOverlay] = {}
    for view, detection in zip(reconstruction.views, reconstruction.detection.views, strict=True):
        drawn = OverlayInput(
            vertebrae=reconstruction.vertebrae,
            meshes=list(reconstruction.meshes.values()),
            detection=detection,
            landmark_seen=reconstruction.registration.landmark_seen,
        )
        overlay = view_overlay(drawn, view.projection, projector)
        overlays[view.view] = turned_over(overlay) if view.seen_from_behind else overlay
    return overlays
