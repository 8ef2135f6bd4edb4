"""Reference positions on a level's mean shape around which its deformation fields are laid out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.anchors import Points


@dataclass(frozen=True)
class Layout:
    """Left-right symmetric positions (model frame, mm); a y is the mean of both sides' distance from the mid-line.

    Attributes
    ----------
    body_front_x, body_back_x, half_width : float
        Of the body: middle of its front and back corners, half its width.
    upper_z, lower_z : (2,) float64
        Of the plates' back and front corners.
    canal_x : float
        Front of the canal in the mid-line.
    pedicle, lamina, sap, iap, root : (3,) float64
        Centres of the left pedicle's isthmus, lamina, joint surfaces and root of the transverse process.
    pedicle_size : (2,) float64
        Width and height of its section.
    pedicle_turn : float
        Convergence of its axis, rad.
    pedicle_lateral_y : float
        Lateral wall of the pedicle.
    canal_half_width : float
    sap_apex, iap_low, tp_tip : (3,) float64
        Tips of the left processes.
    sp_root, sp_middle, sp_tip : (3,) float64
        Along the spinous process.
    lamina_normal : (3,) float64
        Of the left lamina, forwards.
    lamina_height : float
    """

    body_front_x: float
    body_back_x: float
    upper_z: Array
    lower_z: Array
    half_width: float
    canal_x: float
    pedicle: Array
    pedicle_size: Array
    pedicle_turn: float
    pedicle_lateral_y: float
    canal_half_width: float
    lamina: Array
    lamina_normal: Array
    lamina_height: float
    sap: Array
    iap: Array
    root: Array
    sap_apex: Array
    iap_low: Array
    tp_tip: Array
    sp_root: Array
    sp_middle: Array
    sp_tip: Array

    def plate_heights(self, x: Array) -> tuple[Array, Array]:
        """Heights of the upper and the lower plate at some x (N,); level behind and before the corners."""
        corners = (self.body_back_x, self.body_front_x)
        return np.interp(x, corners, self.upper_z), np.interp(x, corners, self.lower_z)

    @classmethod
    def of(cls, points: Points) -> Layout:
        """From the named points (3,) of a mean shape in the model frame."""

        def both(*names: str) -> Array:
            sides = [points[name.replace("*", side)] for name in names for side in ("left", "right")]
            return np.asarray(np.mean([side * [1.0, np.sign(side[1]), 1.0] for side in sides], axis=0))

        def median(*names: str) -> Array:
            return np.asarray(np.mean([points[name] for name in names], axis=0) * [1.0, 0.0, 1.0])

        chord = both("pedicle_lateral_*") - both("pedicle_medial_*")
        rise = both("pedicle_top_*") - both("pedicle_bottom_*")
        normal = both("lamina_front_*") - both("lamina_back_*")
        return cls(
            body_front_x=float(median("as", "ai")[0]),
            body_back_x=float(median("ps", "pi")[0]),
            upper_z=np.array([points["ps"][2], points["as"][2]]),
            lower_z=np.array([points["pi"][2], points["ai"][2]]),
            half_width=float(np.ptp([points[name][1] for name in ("ls", "rs", "li", "ri")]) / 2),
            canal_x=float(points["canal_front"][0]),
            pedicle=both("pedicle_medial_*", "pedicle_lateral_*", "pedicle_top_*", "pedicle_bottom_*"),
            pedicle_size=np.array([np.hypot(chord[0], chord[1]), rise[2]]),
            pedicle_turn=float(np.arctan2(chord[0], chord[1])),
            canal_half_width=float((points["canal_left"] - points["canal_right"])[1] / 2),
            pedicle_lateral_y=float(both("pedicle_lateral_*")[1]),
            lamina=both("lamina_top_*", "lamina_bottom_*", "lamina_front_*", "lamina_back_*"),
            lamina_normal=normal / np.linalg.norm(normal),
            lamina_height=float((both("lamina_top_*") - both("lamina_bottom_*"))[2]),
            sap=both("sap_*_front", "sap_*_back"),
            iap=both("iap_*_front", "iap_*_back"),
            root=both("tp_top_*", "tp_bottom_*", "tp_front_*", "tp_back_*"),
            sap_apex=both("sap_apex_*"),
            iap_low=both("iap_low_*"),
            tp_tip=both("tp_tip_*"),
            sp_root=median("sp_root"),
            sp_middle=median("sp_top", "sp_bottom"),
            sp_tip=median("sp_tip"),
        )
