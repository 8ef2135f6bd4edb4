"""Standing of measurements against their norms, with their own error, and what chance alone would do.

``outside`` is said where even two standard errors leave a number beyond mean and 2 SD, ``inside`` where one leaves it
within; between, nobody can tell. Numbers of one person are correlated: how many are outside means less than it seems.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, hypot, sqrt

from lumbar3d.contracts import Finding, Measurement, Norm, Standing, Summary
from lumbar3d.measurement.catalogue import CATALOGUE

NORMAL_SDS = 2.0
"""Of the norm's spread, on each side of its mean, that count as usual."""
OUTSIDE_ERRORS, INSIDE_ERRORS = 2.0, 1.0
"""Standard errors of the number by which it must lie beyond that range, or within it; between them it is borderline."""
_WORDS = {
    "slip_sagittal": ("the upper vertebra lying further back", "the upper vertebra lying further forward"),
    "slip_lateral": ("the upper vertebra lying further to the right", "the upper vertebra lying further to the left"),
    "cobb_coronal": ("a scoliosis convex to the right", "a scoliosis convex to the left"),
    "cobb_coronal_l1_l5": ("a scoliosis convex to the right", "a scoliosis convex to the left"),
    "lumbar_lordosis": ("a flatter lumbar spine", "a more curved lumbar spine"),
    "segmental_lordosis": ("a flatter segment", "a more curved segment"),
    "body_wedge_sagittal": ("a body wedged backwards", "a body wedged forwards"),
    "disc_height_middle": ("a narrower disc", "a higher disc"),
    "disc_height_anterior": ("a disc narrower in front", "a disc higher in front"),
    "disc_height_posterior": ("a disc narrower at the back", "a disc higher at the back"),
    "body_height_anterior": ("a body lower in front", "a body higher in front"),
    "body_height_middle": ("a body lower in its middle", "a body higher in its middle"),
    "body_height_posterior": ("a body lower at the back", "a body higher at the back"),
}
"""Below and above the norm; others are called lower and higher values."""


def standing_of(value: float, sigma: float | None, norm: Norm | None) -> Standing | None:
    """Three states; None without norm or standard error."""
    if norm is None or sigma is None:
        return None
    beyond = abs(value - norm.mean) - NORMAL_SDS * norm.sd
    if beyond > OUTSIDE_ERRORS * sigma:
        return "outside"
    return "inside" if beyond < -INSIDE_ERRORS * sigma else "borderline"


def stands_out(standing: Standing | None, norm: Norm | None, flag: str) -> bool:
    """Whether a number outside deserves to be shown so."""
    return standing == "outside" and norm is not None and norm.evidence != "weak" and flag == "ok"


def summary(measurements: Sequence[Measurement]) -> Summary:
    """The numbers against their norms."""
    compared = [each for each in measurements if each.standing is not None]
    return Summary(
        compared=len(compared),
        outside=sum(each.standing == "outside" for each in compared),
        borderline=sum(each.standing == "borderline" for each in compared),
        expected_outside_by_chance=round(sum(_chance(each) for each in compared), 2),
        stands_out=tuple(
            Finding(code=each.code, target=each.target, words=words(each)) for each in compared if each.stands_out
        ),
    )


def words(each: Measurement) -> str:
    """What a number outside is consistent with; no diagnosis."""
    assert each.norm is not None  # of every number that is compared
    low, high = _WORDS.get(each.code, ("a lower value", "a higher value"))
    than = f"{CATALOGUE[each.code].name}, {each.target}: consistent with"
    return f"{than} {high if each.value > each.norm.mean else low} than in most adults"


def _chance(each: Measurement) -> float:
    """Probability that a healthy person's number, measured with this error, is called outside."""
    assert each.norm is not None and each.sigma is not None  # of every number that is compared
    limit, spread = NORMAL_SDS * each.norm.sd + OUTSIDE_ERRORS * each.sigma, hypot(each.norm.sd, each.sigma)
    return erfc(limit / spread / sqrt(2.0))
