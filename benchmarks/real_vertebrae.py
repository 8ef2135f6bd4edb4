"""Every real vertebra at hand, and what a 3D fit of the shape model leaves on it, region by region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import lone_l1
from benchmarks.model_fit import ModelFit
from benchmarks.regions import REGIONS, Regions, regions_of
from benchmarks.subjects import SOURCES, load_subject
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors

Array = NDArray[np.float64]

SOUND, SINGLE, CUT, DEFORMED = "sound", "single L1", "cut by the CT", "deformed"
CUT_LEVELS = {("verse012", "L2"), ("verse012", "L3")}
"""The field of view cuts the tips of their left processes."""


@dataclass(frozen=True, eq=False)
class RealVertebra:
    """One vertebra, x anterior, y left, z up, mm; ``kind`` says in which mean it counts."""

    person: str
    level: str
    kind: str
    surface: TriangleMesh


@dataclass(frozen=True)
class RegionError:
    """What a fit leaves in one region, mm.

    ``mean_mm``: symmetric, each direction weighed by area; ``p95_mm``: the larger of both directions' 95th
    percentiles; ``outside_mm``: mean signed distance of the true surface from the fitted one, positive outside.
    """

    mean_mm: float
    p95_mm: float
    outside_mm: float


def real_vertebrae(data: Path) -> Iterator[RealVertebra]:
    """People with several levels first, then the single L1."""
    for name in SOURCES:
        subject = load_subject(data, name)
        for level in subject.levels:
            kind = CUT if (name, level) in CUT_LEVELS else SOUND
            kind = DEFORMED if level in subject.deformed_levels else kind
            yield RealVertebra(name, level, kind, subject.meshes_world[level])
    for name in lone_l1.FILES:
        kind = DEFORMED if lone_l1.is_deformed(name) else SINGLE
        yield RealVertebra(name, "L1", kind, lone_l1.read_srs(data, name))


def region_errors(truth: TriangleMesh, fit: ModelFit, regions: Regions) -> dict[str, RegionError]:
    """By region of the template."""
    fitted = fit.mesh()
    there, back = SurfaceLocator(truth).closest(fitted.vertices), SurfaceLocator(fitted).closest(truth.vertices)
    outwards = _outside(truth.vertices, back[0], fitted, back[2])
    weights = [np.linalg.norm(vertex_area_vectors(mesh.vertices, mesh.faces), axis=1) for mesh in (fitted, truth)]
    areas = (regions, regions_of(truth.vertices, fitted, regions))
    found = {}
    for number, name in enumerate(REGIONS):
        own, other = (area == number for area in areas)
        forward = np.average(there[1][own], weights=weights[0][own])
        backward = np.average(back[1][other], weights=weights[1][other])
        found[name] = RegionError(
            mean_mm=float((forward + backward) / 2),
            p95_mm=float(max(np.percentile(there[1][own], 95), np.percentile(back[1][other], 95))),
            outside_mm=float(np.average(outwards[other], weights=weights[1][other])),
        )
    return found


def _outside(points: Array, feet: Array, surface: TriangleMesh, faces: NDArray[np.intp]) -> Array:
    """Distance of points from a surface, negative inside; ``feet`` on ``faces`` are the closest points."""
    a, b, c = (surface.vertices[surface.faces[faces, corner]] for corner in range(3))
    side = np.einsum("ni,ni->n", np.cross(b - a, c - a), points - feet)
    return np.asarray(np.sign(side) * np.linalg.norm(points - feet, axis=1))
