"""Residuals of the shape model's 3D fit on every real vertebra at hand, region by region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import lone_l1
from benchmarks.regions import REGIONS, regions_at
from benchmarks.subjects import SOURCES, load_subject
from lumbar3d.arrays import Array, Numbers
from lumbar3d.shape.distance import SurfaceLocator, vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.validation.model_fit import ModelFit

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
    """Residual of a fit in one region, mm.

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


@dataclass(frozen=True, eq=False)
class Comparison:
    """Distances between a fitted and a true surface, both ways, mm.

    Attributes
    ----------
    forward : (V,) float64
        Fitted vertices to the truth.
    backward : (W,) float64
        True vertices to the fit; negative inside.
    weights : two arrays
        Area of each fitted and each true vertex.
    regions : two arrays of int
        Region of each fitted vertex, and of the place on the fit that is closest to each true one.
    """

    forward: Array
    backward: Array
    weights: tuple[Array, Array]
    regions: tuple[Numbers, Numbers]

    @classmethod
    def of(cls, truth: TriangleMesh, fit: ModelFit, regions: Numbers) -> Comparison:
        """Of a fit whose template has these regions."""
        fitted = fit.mesh()
        found = SurfaceLocator(fitted).closest(truth.vertices)
        return cls(
            forward=vertex_to_surface_mm(fitted.vertices, truth),
            backward=_outside(truth.vertices, fitted, found),
            weights=(_areas(fitted), _areas(truth)),
            regions=(regions, regions_at(found[0], found[2], fitted, regions)),
        )

    @property
    def assd_mm(self) -> float:
        """As ``shape.distance.assd_mm``."""
        means = (np.average(self.forward, weights=self.weights[0]), np.average(self._away, weights=self.weights[1]))
        return float(np.mean(means))

    @property
    def hd95_mm(self) -> float:
        """As ``shape.distance.hd95_mm``."""
        return float(max(np.percentile(self.forward, 95), np.percentile(self._away, 95)))

    def by_region(self) -> dict[str, RegionError]:
        """Residuals by region."""
        return {name: self._region(number) for number, name in enumerate(REGIONS)}

    @property
    def _away(self) -> Array:
        return np.abs(self.backward)

    def _region(self, number: int) -> RegionError:
        own, other = (area == number for area in self.regions)
        part = Comparison(
            self.forward[own], self.backward[other], (self.weights[0][own], self.weights[1][other]), self.regions
        )
        return RegionError(part.assd_mm, part.hd95_mm, float(np.average(part.backward, weights=part.weights[1])))


def _outside(points: Array, surface: TriangleMesh, found: tuple[Array, Array, NDArray[np.intp]]) -> Array:
    """Distance of points from a surface, negative inside; ``found`` are their feet, distances and faces."""
    feet, distance, faces = found
    a, b, c = (surface.vertices[surface.faces[faces, corner]] for corner in range(3))
    side = np.einsum("ni,ni->n", np.cross(b - a, c - a), points - feet)
    return np.asarray(np.where(side < 0, -distance, distance))


def _areas(mesh: TriangleMesh) -> Array:
    """A third of the area of the faces around each vertex."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6.0
    areas = np.bincount(mesh.faces.reshape(-1), np.repeat(third, 3), minlength=len(mesh.vertices))
    return areas.astype(np.float64)
