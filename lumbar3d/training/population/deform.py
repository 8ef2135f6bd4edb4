"""Parametric deformation: a template that takes the values of its parameters and gives the surface that has them.

The surface is the level's mean moved by a sum of smooth fields, one per parameter (``fields_body``, ``fields_arch``,
``fields_processes``). A field changes other parameters a little, too, so the amounts are solved for: Newton's method on
the named points only, then one pass over all vertices.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population import fields_arch, fields_body, fields_processes, measure_body
from lumbar3d.training.population.anchors import Anchors
from lumbar3d.training.population.folds import Folds
from lumbar3d.training.population.layout import Layout
from lumbar3d.training.population.measure import DERIVED, frame, in_frame, measure_points

TOLERANCE = 0.02
"""Largest error of any parameter, mm or degrees, at which the amounts are good enough."""
_ITERATIONS = 12
_REPAIRS = 4
"""Attempts to meet the values without a fold; one in fifteen L5 needs a second, other levels hardly ever."""
_STEP = 0.05
"""Of the finite differences, in units of the parameters."""


class Template:
    """Deformable mean shape of one level."""

    def __init__(self, model: ShapeModel) -> None:
        self.model = model
        self._anchors = Anchors.of(model)
        self._folds = Folds(model.faces, len(model.mean))
        start = self._anchors.means(model.mean)
        self.layout = Layout.of(self._anchors.named(start))
        all_fields = fields(model.mean, self.layout)
        self.names = tuple(all_fields)
        stacked = np.stack(list(all_fields.values()), axis=-1)
        self._fields = stacked.reshape(-1, len(self.names)).astype(np.float32)
        self._start, self._point_fields = start, self._anchors.means(stacked)
        self.defaults = {name: float(value) for name, value in measure_points(self._anchors.named(start)).items()}
        self._own = self._coordinates(np.zeros(len(self.names)), start)
        self._slope = self._jacobian(np.zeros(len(self.names)), start)

    def deform(self, values: Mapping[str, float], residual: Array | None = None) -> Array:
        """Surface whose ``measure.measure`` gives these values.

        Parameters
        ----------
        values : mapping of str to float
            Parameters by name, mm and degrees. What is not named keeps the template's own value; what follows from
            others (``measure.DERIVED``) is ignored.
        residual : (V, 3) float64, optional
            Added to the mean beforehand (``residual.Residual``), mm: the values are met with it.

        Returns
        -------
        (V, 3) float64
            Model frame, mm.

        Raises
        ------
        KeyError
            An unknown parameter.
        ValueError
            No surface with these values was found, or it folds over itself: they are far outside of anatomy.
        """
        start = self.model.mean if residual is None else self.model.mean + residual
        target = self._target(values)
        for _ in range(_REPAIRS):
            amounts = self._solve(target, self._anchors.means(start))
            moved = start + (self._fields @ amounts.astype(np.float32)).reshape(-1, 3)
            flat = self._folds.unfolded(moved, self.model.mean)
            if flat is moved:
                break
            # What took the folds away stays, and the values are met again with it.
            start = start + flat - moved
        return to_model_frame(flat, self._anchors)

    def settled(self, vertices: Array, start: Array) -> Array:
        """A deformed surface (V, 3) without folds and in the model frame; ``start`` is the surface before.

        Raises
        ------
        ValueError
            It folds over itself beyond repair.
        """
        return to_model_frame(self._folds.unfolded(vertices, start), self._anchors)

    def layout_of(self, vertices: Array) -> Layout:
        """Reference positions of a deformed surface (V, 3) in the model frame."""
        return Layout.of(self._anchors.named(self._anchors.means(vertices)))

    def _target(self, values: Mapping[str, float]) -> Array:
        unknown = set(values) - set(self.names) - set(DERIVED)
        if unknown:
            raise KeyError(f"unknown parameters: {', '.join(sorted(unknown))}")
        wanted = dict(zip(self.names, self._own, strict=True)) | {
            name: value for name, value in values.items() if name not in DERIVED
        }
        for plate in ("superior", "inferior"):
            names = f"{plate}_concavity_mm", f"{plate}_apex"
            if set(names) & set(values):
                depth, apex = (values.get(name, self.defaults[name]) for name in names)
                wanted |= dict(zip(names, measure_body.weights_of(depth, apex), strict=True))
        return np.array([wanted[name] for name in self.names])

    def _solve(self, target: Array, start: Array) -> Array:
        """Amounts (K,) of the fields that bring the named points from ``start`` (M, 3) to the target."""
        amounts, slope = np.zeros(len(target)), self._slope
        for iteration in range(_ITERATIONS):
            error = target - self._coordinates(amounts, start)
            if np.abs(error).max() < TOLERANCE:
                return amounts
            if iteration in (2, 5, 8):
                slope = self._jacobian(amounts, start)
            amounts = amounts + np.linalg.solve(slope, error)
        raise ValueError("no surface with these values")

    def _jacobian(self, amounts: Array, start: Array) -> Array:
        count = len(amounts)
        ahead = self._coordinates(amounts + _STEP * np.eye(count), start)
        return np.asarray((ahead - self._coordinates(amounts, start)).T / _STEP)

    def _coordinates(self, amounts: Array, start: Array) -> Array:
        """What the fields' amounts (..., K) are solved for, (..., K): the parameters, the hollows by their weights."""
        positions = start + np.moveaxis(np.tensordot(self._point_fields, amounts, axes=(-1, -1)), (0, 1), (-2, -1))
        points = self._anchors.named(positions)
        found, local = measure_points(points), in_frame(points)
        for plate, short in (("superior", "sup"), ("inferior", "inf")):
            found[f"{plate}_concavity_mm"], found[f"{plate}_apex"] = measure_body.profile_weights(local, short)
        return np.stack([found[name] for name in self.names], axis=-1)


def fields(points: Array, layout: Layout) -> dict[str, Array]:
    """All displacement fields (N, 3) by the parameter that each is for, at any points (N, 3) in the model frame."""
    return (
        fields_body.fields(points, layout)
        | fields_arch.fields(points, layout)
        | fields_processes.fields(points, layout)
    )


def to_model_frame(vertices: Array, anchors: Anchors) -> Array:
    """Vertices (V, 3) turned and shifted into the model frame: z through the rims' centroids, origin half-way."""
    points = anchors.named(anchors.means(vertices))
    origin, axes = frame(points)
    rims = (points["rim_sup"] + points["rim_inf"]) / 2
    # Sideways the mid-plane between the pedicles is the origin, not the rims, which are not quite symmetric.
    origin = rims + axes[:, 1] * (axes[:, 1] @ (origin - rims))
    return (vertices - origin) @ axes
