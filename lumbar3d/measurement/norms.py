"""Norms: reference figures of adults by code, target and, where the literature has them apart, sex.

Only those whose definition matches. None depends on age: the sources at hand give trends with age, of which those of
discs contradict each other, and no figures by age of what is measured here (docs/measurements.md names them).
"""

from __future__ import annotations

import math
from itertools import pairwise

from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import Evidence, Norm, Sex

_PAIRS = tuple(f"{upper}/{lower}" for upper, lower in pairwise(LEVELS))

_TABLE = "project's harmonised adult table after Panjabi 1992, Zhou 2000 and Cook 2021"
_MASHARAWI = "Masharawi 2010, 240 adults; SD estimated"
_ZHANG = "Zhang 2018, MRI of 169 symptom-free adults"
_MRI14 = "MRI of 14 adults, anatomyjournal.ir A-10-159-1"
_SEGMENTS = "Sci Rep 2022 s41598-022-21840-x, 324 symptom-free standing adults"
_DERIVED = "segmental lordosis of 324 standing adults less the body wedge of Masharawi 2010"
_ESTIMATE = "project's estimate for standing adults"
_L1_S1 = "324 symptom-free standing adults, Sci Rep 2022 s41598-022-21840-x; SD estimated"
_L4_S1 = "627 standing volunteers, PMC6680033"
_SLOPE = "Yukawa 2018, 626 symptom-free standing adults"
_PELVIS = "Mac-Thiong 2011, 709 symptom-free standing adults"
_MISMATCH = "derived from 324 symptom-free standing adults, Sci Rep 2022 s41598-022-21840-x; SD estimated"
_CT87 = "Clouthier 2023, 87 CT, L2-L5"
_COBB = "straight spine; 2 SD is the 10 degrees from which scoliosis is diagnosed"

_EVIDENCE: dict[str, Evidence] = {
    **dict.fromkeys((_SEGMENTS, _L4_S1, _SLOPE, _PELVIS), "strong"),
    **dict.fromkeys((_TABLE, _MASHARAWI, _ZHANG, _DERIVED, _CT87, _COBB, _L1_S1), "moderate"),
}
"""How far a source carries; those that are not here are weak (``contracts.Norm``)."""

_BY_LEVEL: dict[str, tuple[tuple[float, ...], tuple[float, ...], float, str]] = {
    "body_height_anterior": ((25.5, 27.0, 27.6, 28.1, 29.8), (25.4, 27.0, 27.7, 28.2, 30.0), 1.9, _TABLE),
    "body_height_middle": ((24.5, 25.5, 25.7, 25.6, 26.0), (23.9, 25.0, 25.1, 25.0, 25.5), 1.8, _TABLE),
    "body_height_posterior": ((28.0, 28.6, 28.4, 27.6, 26.8), (26.8, 27.4, 27.1, 26.4, 25.5), 1.7, _TABLE),
    "endplate_width_superior": ((46.0, 47.5, 49.0, 51.0, 53.5), (40.5, 42.0, 43.5, 45.5, 48.0), 3.0, _TABLE),
    "endplate_width_inferior": ((49.0, 50.5, 52.0, 53.5, 53.5), (43.5, 45.0, 46.5, 48.0, 48.0), 3.0, _TABLE),
    "endplate_depth_superior": ((35.0, 35.8, 36.3, 36.8, 37.1), (31.0, 31.8, 32.3, 32.8, 33.3), 2.7, _TABLE),
    "endplate_depth_inferior": ((35.8, 36.3, 36.6, 36.8, 36.7), (31.8, 32.3, 32.6, 32.8, 32.8), 2.8, _TABLE),
    "body_wedge_sagittal": ((4.1, 2.6, 1.3, -0.7, -4.6), (2.6, 0.7, -1.1, -3.1, -7.8), 2.5, _MASHARAWI),
}
"""Means of men and of women from L1 to L5, SD within a sex, source."""

_BY_PAIR: dict[str, tuple[tuple[float, ...], tuple[float, ...], str]] = {
    "disc_height_middle": ((8.6, 9.5, 10.4, 11.2), (1.2, 1.3, 1.5, 1.7), _ZHANG),
    "disc_height_anterior": ((10.8, 13.1, 15.2, 18.1), (1.6, 1.2, 1.2, 1.5), _MRI14),
    "disc_height_posterior": ((7.3, 8.6, 9.1, 10.1), (1.7, 1.7, 1.2, 1.0), _MRI14),
    "disc_angle_sagittal": ((4.6, 7.6, 9.2, 10.8), (2.6, 3.2, 3.4, 4.4), _DERIVED),
    "segmental_lordosis": ((1.2, 5.9, 9.1, 12.7), (3.6, 4.1, 4.2, 5.1), _SEGMENTS),
}
"""Means and SD from L1/L2 to L4/L5, source."""

_EVERYWHERE: dict[str, Norm] = {
    "body_wedge_coronal": Norm(mean=0.0, sd=1.2, source=_ESTIMATE),
    "axial_rotation": Norm(mean=0.0, sd=3.0, source=_ESTIMATE),
    "axial_rotation_intervertebral": Norm(mean=0.0, sd=1.5, source=_ESTIMATE),
    "disc_angle_coronal": Norm(mean=0.0, sd=1.5, source=_ESTIMATE),
    "slip_sagittal": Norm(mean=-1.5, sd=1.2, source=_ESTIMATE),
    "slip_lateral": Norm(mean=0.0, sd=1.0, source=_ESTIMATE),
    "lumbar_lordosis": Norm(mean=35.0, sd=9.0, source=_ESTIMATE),
    "cobb_coronal": Norm(mean=0.0, sd=5.0, source=_COBB),
    "cobb_coronal_l1_l5": Norm(mean=0.0, sd=5.0, source=_COBB),
}

_SACRAL: dict[tuple[str, str], Norm] = {
    ("disc_height_middle", "L5/S1"): Norm(mean=10.1, sd=1.5, source=_ZHANG),
    ("disc_angle_sagittal", "L5/S1"): Norm(mean=15.4, sd=8.0, source=_DERIVED),
    ("segmental_lordosis", "L5/S1"): Norm(mean=21.6, sd=7.7, source=_SEGMENTS),
    ("lumbar_lordosis_to_s1", "L1-S1"): Norm(mean=50.5, sd=11.0, source=_L1_S1),
    ("lumbar_lordosis_l4_s1", "L4-S1"): Norm(mean=34.2, sd=8.3, source=_L4_S1),
    ("sacral_slope", "S1"): Norm(mean=39.4, sd=8.0, source=_SLOPE),
    ("pelvic_incidence", "S1"): Norm(mean=53.0, sd=10.5, source=_PELVIS),
    ("pelvic_tilt", "S1"): Norm(mean=13.5, sd=6.75, source=_PELVIS),
    ("pelvic_incidence_less_lordosis", "L1-S1"): Norm(mean=0.0, sd=9.5, source=_MISMATCH),
}
"""By code and target; what holds between lumbar vertebrae holds for none of them.

Incidence and tilt: middle and a quarter of the ranges of mean and 2 SD that their source gives. Incidence less
lordosis: both have a mean of 50.5 there; the SD follows from those of both (11.4 and 11) and from 0.62 degrees of
lordosis for each of incidence, between the source's three groups.
"""

_VOLUMES_CM3 = dict(zip(LEVELS, (52.0, 57.0, 63.0, 63.0, 62.5), strict=True))
_AREAS_MM2 = {"endplate_area_superior": (1550.0, 260.0), "endplate_area_inferior": (1490.0, 240.0)}


def norm_of(code: str, target: str, sex: Sex | None = None) -> Norm | None:
    """Mean, SD and grade of one measurement, or None where no figure of the same definition is known.

    Of women or men where ``sex`` is told and the source has them apart, else of both together.
    """
    norm = _norm(code, target, sex)
    return None if norm is None else norm.model_copy(update={"evidence": _EVIDENCE.get(norm.source, "weak")})


def _norm(code: str, target: str, sex: Sex | None) -> Norm | None:
    if target.endswith("S1"):
        return _SACRAL.get((code, target))
    if code in _EVERYWHERE:
        return _EVERYWHERE[code]
    if code in _BY_LEVEL and target in LEVELS:
        men, women, sd, source = _BY_LEVEL[code]
        man, woman = men[LEVELS.index(target)], women[LEVELS.index(target)]
        if sex is not None:
            return Norm(mean=woman if sex == "female" else man, sd=sd, source=source, sex=sex)
        pooled_sd = math.hypot(sd, (man - woman) / 2)
        return Norm(mean=round((man + woman) / 2, 2), sd=round(pooled_sd, 2), source=source)
    if code in _BY_PAIR and target in _PAIRS:
        means, sds, source = _BY_PAIR[code]
        place = _PAIRS.index(target)
        return Norm(mean=means[place], sd=sds[place], source=source)
    if code == "vertebra_volume" and target in LEVELS:
        return Norm(mean=_VOLUMES_CM3[target], sd=round(0.18 * _VOLUMES_CM3[target], 1), source=_CT87)
    if code in _AREAS_MM2 and target in LEVELS[1:]:
        mean, sd = _AREAS_MM2[code]
        return Norm(mean=mean, sd=sd, source=_CT87)
    return None
