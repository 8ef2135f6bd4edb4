"""Cortical thickness at every place of a vertebra."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.shape.model import ShapeModel

SHELL_MM, ENDPLATE_MM, RIM_MM = 0.50, 0.60, 0.78
"""Body: CT-effective thickness of shell and plates, rims 30 % denser (Silva 1994, Segami 2021)."""
PEDICLE_MM, LAMINA_MM, FACET_MM, PROCESS_MM = 1.1, 1.1, 1.4, 0.6
"""Pedicle 0.8-1.5, arch and facets 1-2, the processes' thin sides less."""


def cortex_mm(model: ShapeModel) -> Array:
    """Usual thickness at each vertex of the model's decimated mesh, (v,)."""
    place = model.mean
    thickness = np.full(len(place), LAMINA_MM)
    thickness[(np.abs(place[:, 1]) > 24.0) | ((place[:, 0] < -45.0) & (np.abs(place[:, 1]) < 7.0))] = PROCESS_MM
    thickness[model.patches["body"]] = SHELL_MM
    named = {
        PEDICLE_MM: ("pedicle_ring_left", "pedicle_ring_right"),
        FACET_MM: ("sap_left", "sap_right", "iap_left", "iap_right"),
        ENDPLATE_MM: ("plate_sup_area", "plate_inf_area"),
        RIM_MM: ("plate_sup_rim", "plate_inf_rim"),
    }
    for value, patches in named.items():
        for patch in patches:
            thickness[model.patches[patch]] = value
    return np.asarray(thickness[model.fit_vertices])


def marrow_surface(mesh: TriangleMesh, thickness_mm: Array) -> TriangleMesh:
    """The surface moved inwards by the cortex's thickness at each vertex (V,)."""
    normals = vertex_area_vectors(mesh.vertices, mesh.faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    return TriangleMesh(mesh.vertices - normals * thickness_mm[:, None], mesh.faces)
