"""Vertebrae made of planes and points whose every measurement is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from lumbar3d.arrays import Array
from lumbar3d.measurement.points import VertebraPoints


@dataclass(frozen=True)
class Box:
    """A body with two elliptical plates; angles in degrees, lengths in mm.

    ``*_lean`` is the forward lean of a plate's normal, ``*_list`` the lift of its left side.
    """

    height: float = 27.0
    depth: float = 35.0
    width: float = 48.0
    sup_lean: float = 0.0
    inf_lean: float = 0.0
    sup_list: float = 0.0
    inf_list: float = 0.0
    hollow: float = 1.0

    def points(self, rotation: Array | None = None, centre: Sequence[float] = (0.0, 0.0, 0.0)) -> VertebraPoints:
        """Points in the world after a rotation about the box's middle and a shift."""
        upper = _plate(self.height / 2, self.depth, self.width, self.sup_lean, self.sup_list)
        lower = _plate(-self.height / 2, self.depth, self.width, self.inf_lean, self.inf_list)
        local = VertebraPoints(
            rim_sup=upper["rim"],
            rim_inf=lower["rim"],
            anterior_sup=upper["a"],
            posterior_sup=upper["p"],
            anterior_inf=lower["a"],
            posterior_inf=lower["p"],
            left_sup=upper["l"],
            right_sup=upper["r"],
            left_inf=lower["l"],
            right_inf=lower["r"],
            centre_sup=np.array([0.0, 0.0, self.height / 2 - self.hollow]),
            centre_inf=np.array([0.0, 0.0, -self.height / 2 + self.hollow]),
            pedicle_left=np.array([-22.0, 16.0, 4.0]),
            pedicle_right=np.array([-22.0, -16.0, 4.0]),
            tp_left=np.array([-36.0, 45.0, 3.0]),
            tp_right=np.array([-36.0, -45.0, 3.0]),
            sp_tip=np.array([-69.0, 0.0, -10.0]),
        )
        turn = np.eye(3) if rotation is None else rotation
        return local.transformed(lambda points: points @ turn.T + np.array(centre))


def _plate(z: float, depth: float, width: float, lean_deg: float, list_deg: float) -> dict[str, Array]:
    """Rim and corners of the plane z + tan(list) y - tan(lean) x above an ellipse."""
    slope = np.array([-np.tan(np.radians(lean_deg)), np.tan(np.radians(list_deg))])

    def lift(flat: Array) -> Array:
        return np.concatenate([flat, (z + flat @ slope)[..., None]], axis=-1)

    turn = np.radians(np.arange(0.0, 360.0, 5.0))
    ellipse = np.stack([depth / 2 * np.cos(turn), width / 2 * np.sin(turn)], axis=-1)
    half = {"a": [depth / 2, 0.0], "p": [-depth / 2, 0.0], "l": [0.0, width / 2], "r": [0.0, -width / 2]}
    return {"rim": lift(ellipse)} | {name: lift(np.array(flat)) for name, flat in half.items()}


def turned(lateral_deg: float = 0.0, sagittal_deg: float = 0.0, axial_deg: float = 0.0) -> Array:
    """Rx(lateral) Ry(sagittal) Rz(axial)."""
    return np.asarray(Rotation.from_euler("XYZ", [lateral_deg, sagittal_deg, axial_deg], degrees=True).as_matrix())


def mirrored(points: VertebraPoints) -> VertebraPoints:
    """The mirror image at the sagittal plane, with left and right named anew."""
    flip = points.transformed(lambda array: array * np.array([1.0, -1.0, 1.0]))
    other = {"left": "right", "right": "left"}
    renamed = {}
    for name in vars(flip):
        words = [other.get(word, word) for word in name.split("_")]
        renamed[name] = getattr(flip, "_".join(words))
    return VertebraPoints(**renamed)
