"""Correlations of dimensions: the person's size, what a group of dimensions shares, neighbours, and the rest.

A standardised value is a sum of independent parts: loadings on the person's factors (size, body width, ...), a
first-order autoregressive part along the levels, a part of its own, and age where it is known to matter. Each pattern
is normalised to unit variance, so the standard deviation of a parameter is the literature's whatever its pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

ALONG_LEVELS = 0.6
"""Correlation of the autoregressive part between neighbouring levels."""
HEIGHT_WITH_SIZE = 0.5
"""Correlation of the height factor with size."""
SIZE_WITH_STATURE = 0.72
"""Gives vertebral height a correlation of about 0.55 with stature (literature 0.5-0.6)."""
AGE_SD_YEARS = 17.0
MEAN_AGE_YEARS = 55.0


@dataclass(frozen=True)
class Pattern:
    """Covariance pattern of one parameter with the others.

    Attributes
    ----------
    factors : mapping of str to float
        Loadings on the person's factors.
    along, own : float
        Loadings of the part that is correlated along the levels and of the part that is the vertebra's own.
    age_slope : float
        Units of the parameter per year.
    joint : str
        Name of a facet joint coordinate: then the parts along the levels and of its own belong to the joint, and the
        vertebra above and the one below share them.
    own_key : str
        Parameters with the same key share the vertebra's own part.
    """

    factors: Mapping[str, float] = field(default_factory=dict)
    along: float = 0.4
    own: float = 0.6
    age_slope: float = 0.0
    joint: str = ""
    own_key: str = ""

    @property
    def norm(self) -> float:
        """Standard deviation of the sum of all parts without age."""
        loads = dict(self.factors)
        shared = 2.0 * HEIGHT_WITH_SIZE * loads.get("size", 0.0) * loads.get("height", 0.0)
        return float(np.sqrt(sum(load**2 for load in loads.values()) + shared + self.along**2 + self.own**2))


def _like(group: str, size: float, shared: float, along: float, own: float) -> Pattern:
    return Pattern({"size": size, group: shared}, along, own)


WIDTH, DEPTH = (_like(group, 0.75, 0.45, 0.35, 0.30) for group in ("width", "depth"))
HEIGHT = _like("height", 0.60, 0.55, 0.40, 0.40)
LENGTH = _like("process", 0.40, 0.55, 0.40, 0.60)
ARCH = _like("arch", 0.45, 0.55, 0.40, 0.55)
CANAL = _like("canal", 0.20, 0.70, 0.45, 0.50)
FREE = Pattern({}, 0.40, 0.85)


def _angle(group: str, **loads: float) -> Pattern:
    return Pattern({group: 0.60} | loads, 0.50, 0.60)


def _facet(joint: str, along: float = 0.45, own: float = 0.35, **loads: float) -> Pattern:
    return Pattern(loads, along, own, joint=joint)


PATTERNS: Mapping[str, Pattern] = {
    "upper_width_mm": WIDTH,
    "lower_width_mm": WIDTH,
    "waist_width_mm": WIDTH,
    "upper_depth_mm": Pattern(DEPTH.factors, 0.35, 0.30, age_slope=0.08),
    "lower_depth_mm": Pattern(DEPTH.factors, 0.35, 0.30, age_slope=0.08),
    "waist_depth_mm": Pattern(DEPTH.factors, 0.35, 0.30, age_slope=0.06),
    # Sharing its own part with the wedge keeps the spread of the anterior height near the published 1.9 mm.
    "posterior_height_mm": Pattern(HEIGHT.factors, 0.40, 0.40, own_key="wall"),
    "sagittal_wedge_deg": Pattern({"lordosis": -0.50}, 0.55, 0.65, own_key="wall"),
    "coronal_wedge_deg": FREE,
    "superior_concavity_mm": Pattern({"concavity": 0.35}, 0.40, 0.85),
    "inferior_concavity_mm": Pattern({"concavity": 0.35}, 0.40, 0.85),
    "superior_apex": FREE,
    "inferior_apex": FREE,
    "pedicle_width_mm": Pattern(ARCH.factors, 0.40, 0.55, age_slope=0.033),
    "pedicle_height_mm": ARCH,
    "pedicle_roll_deg": _angle("pedicle_roll"),
    "pedicle_transverse_deg": _angle("pedicle_transverse"),
    "pedicle_sagittal_deg": _angle("pedicle_sagittal"),
    "pedicle_length_mm": Pattern({"size": 0.2, "canal": 0.5}, 0.45, 0.60),
    "canal_depth_mm": CANAL,
    "canal_width_mm": CANAL,
    "transverse_span_mm": LENGTH,
    "transverse_sweep_mm": _angle("transverse_sweep"),
    "transverse_height_mm": _angle("transverse_height"),
    "transverse_root_height_mm": ARCH,
    "transverse_root_thickness_mm": ARCH,
    "transverse_asymmetry_mm": FREE,
    "transverse_tilt_deg": FREE,
    "spinous_length_mm": LENGTH,
    "spinous_height_mm": Pattern(LENGTH.factors, 0.40, 0.60, age_slope=0.05),
    "spinous_thickness_mm": Pattern(ARCH.factors, 0.40, 0.55, age_slope=0.04),
    "spinous_slope_deg": Pattern({"spinous_slope": 0.55, "lordosis": 0.30}, 0.60, 0.50),
    "spinous_deviation_mm": FREE,
    "superior_facet_half_spacing_mm": _facet("y", size=0.35, facets=0.60),
    "inferior_facet_y_mm": _facet("y", size=0.35, facets=0.60),
    "superior_facet_z_mm": _facet("z_superior", size=0.35, height=0.35),
    "inferior_facet_z_mm": _facet("z_inferior", size=-0.35, height=-0.35),
    "superior_facet_x_mm": _facet("x", size=-0.45, depth=-0.40, canal=-0.40),
    "inferior_facet_x_mm": _facet("x", size=-0.45, depth=-0.40, canal=-0.40),
    "facet_angle_deg": _facet("angle", along=0.60, own=0.40, facet_angle=0.65),
    "facet_tropism_deg": Pattern({"tropism": 0.55}, 0.60, 0.50),
    "lamina_height_mm": ARCH,
    "lamina_thickness_mm": ARCH,
    "lamina_slope_deg": _angle("lamina_slope"),
    "rim_lip_mm": Pattern({"lips": 0.35}, 0.40, 0.60, age_slope=0.018),
}
"""By free parameter of ``literature.csv``; loadings are estimates that give the published correlations.

``total_depth_mm`` is not among them: body depth, canal depth and spinous process add up to it."""

UPPER_LEVELS_WITHOUT_LORDOSIS = ("L1", "L2")
"""The wedge of these bodies does not follow the person's lordosis."""
LOWER_SIDE = frozenset({"inferior_facet_y_mm", "inferior_facet_z_mm", "inferior_facet_x_mm"})
"""Facet parameters that belong to the joint below the vertebra."""
FACTORS = sorted({name for pattern in PATTERNS.values() for name in pattern.factors} | {"upper_wedge"})
