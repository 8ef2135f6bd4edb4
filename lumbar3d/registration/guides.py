"""Guides of a third look: the fitted vertebrae rendered in both views."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.detection.guided_look import Guide
from lumbar3d.detection.result import Detection
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.drr.projector import Projector
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import TriangleMesh


def guides(vertebrae: Sequence[FittedVertebra], detection: Detection, projector: Projector) -> list[Guide]:
    """Of AP and LAT, on the grids of the detection; decimated surfaces do."""
    meshes = [
        TriangleMesh(vertebra.vertices_world(vertebra.model.fit_vertices), vertebra.model.fit_faces)
        for vertebra in vertebrae
    ]
    landmarks = np.stack([vertebra.landmarks_world() for vertebra in vertebrae])
    return [
        Guide(
            drr_from_path_length(projector.path_lengths_mm(meshes, view.projection)),
            view.projection.project(landmarks)[0],
        )
        for view in detection.views
    ]
