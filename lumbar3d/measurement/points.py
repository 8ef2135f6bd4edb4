"""Measured points of a vertebra: plain arrays, from a fitted model or from anything else.

Every array may carry leading axes, so that a fit and its posterior samples are measured in one pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from lumbar3d.arrays import Array, Indices
from lumbar3d.shape.model import ShapeModel

_CENTRAL_VERTICES = 12
"""Vertices in the middle of a plate whose mean is its surface centre: about 4 mm around it on the template."""


@dataclass(frozen=True, eq=False)
class VertebraPoints:
    """World points in mm.

    Attributes
    ----------
    rim_sup, rim_inf : (..., n, 3) float
        Rim ring of the upper and lower endplate, in the order of their azimuth.
    anterior_sup, posterior_sup, anterior_inf, posterior_inf, left_sup, right_sup, left_inf, right_inf : (..., 3) float
        Mid-sagittal and lateral corners of the plates (left is the patient's).
    centre_sup, centre_inf : (..., 3) float
        Middle of the plates' bone surface, in the hollow.
    pedicle_left, pedicle_right, tp_left, tp_right, sp_tip : (..., 3) float
        Centres of the pedicle isthmuses, tips of the transverse processes and of the spinous process.
    """

    rim_sup: Array
    rim_inf: Array
    anterior_sup: Array
    posterior_sup: Array
    anterior_inf: Array
    posterior_inf: Array
    left_sup: Array
    right_sup: Array
    left_inf: Array
    right_inf: Array
    centre_sup: Array
    centre_inf: Array
    pedicle_left: Array
    pedicle_right: Array
    tp_left: Array
    tp_right: Array
    sp_tip: Array

    def transformed(self, change: Callable[[Array], Array]) -> VertebraPoints:
        """The same points after ``change`` of each array (..., 3)."""
        return VertebraPoints(**{field.name: change(getattr(self, field.name)) for field in fields(self)})


def points_on_model(model: ShapeModel, position: Callable[[Indices], Array]) -> VertebraPoints:
    """Look the labelled patches of a model up on one of its instances.

    Parameters
    ----------
    model : ShapeModel
        Gives the labels.
    position : callable
        World positions (..., n, 3) in mm of n vertices of the model.
    """
    patches = model.patches

    def mean(patch: Indices) -> Array:
        return np.asarray(position(patch).mean(axis=-2))

    def corner(name: str) -> Array:
        return mean(patches[f"corner_{name}"])

    return VertebraPoints(
        rim_sup=position(patches["plate_sup_rim"]),
        rim_inf=position(patches["plate_inf_rim"]),
        anterior_sup=corner("as"),
        posterior_sup=corner("ps"),
        anterior_inf=corner("ai"),
        posterior_inf=corner("pi"),
        left_sup=corner("ls"),
        right_sup=corner("rs"),
        left_inf=corner("li"),
        right_inf=corner("ri"),
        centre_sup=mean(plate_middle(model, "sup")),
        centre_inf=mean(plate_middle(model, "inf")),
        pedicle_left=mean(patches["pedicle_ring_left"]),
        pedicle_right=mean(patches["pedicle_ring_right"]),
        tp_left=mean(patches["tp_tip_left"]),
        tp_right=mean(patches["tp_tip_right"]),
        sp_tip=mean(patches["sp_tip"]),
    )


def plate_middle(model: ShapeModel, plate: str) -> Indices:
    """The vertices of a plate nearest to the axis through its rim's centroid, on the mean shape."""
    centre = model.mean[model.patches[f"plate_{plate}_rim"]].mean(axis=0)
    area = model.patches[f"plate_{plate}_area"]
    off_axis = np.linalg.norm((model.mean[area] - centre)[:, :2], axis=1)
    return np.asarray(area[np.argsort(off_axis)[:_CENTRAL_VERTICES]], dtype=np.int32)
