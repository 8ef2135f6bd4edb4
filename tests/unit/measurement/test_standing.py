"""Standing of numbers against their norms, motion of segments, and comparison of two results."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.compare import NothingInCommonError, compare
from lumbar3d.contracts import Measurement, Norm, ReconstructionResult, SegmentMotion
from lumbar3d.geometry.frames import rigid, rotation_from_vector
from lumbar3d.measurement.standing import standing_of, stands_out, summary
from lumbar3d.measurement.vertebra_frame import cardan_deg
from tests.conftest import calibration_document

STRONG = Norm(mean=10.0, sd=1.0, source="s", evidence="strong")
WEAK = STRONG.model_copy(update={"evidence": "weak"})


@pytest.mark.parametrize(
    ("value", "sigma", "standing"),
    [
        (10.0, 0.5, "inside"),
        (11.6, 0.5, "borderline"),
        (12.9, 0.5, "borderline"),
        (13.1, 0.5, "outside"),
        (7.9, 0.1, "borderline"),
        (6.9, 0.5, "outside"),
    ],
)
def test_three_states(value: float, sigma: float, standing: str) -> None:
    assert standing_of(value, sigma, STRONG) == standing
    assert standing_of(value, None, STRONG) is standing_of(value, sigma, None) is None


def test_only_what_is_well_founded_stands_out() -> None:
    assert stands_out("outside", STRONG, "ok")
    assert not stands_out("outside", WEAK, "ok") and not stands_out("outside", STRONG, "low_confidence")


def number(value: float, sigma: float, norm: Norm = STRONG, target: str = "L4/L5") -> Measurement:
    standing = standing_of(value, sigma, norm)
    return Measurement(
        code="slip_sagittal", name="Slip", target=target, value=value, unit="mm", sigma=sigma, norm=norm,
        standing=standing, stands_out=stands_out(standing, norm, "ok"), definition="d",
    )  # fmt: skip


def test_summary_counts_and_says_what_chance_would_do() -> None:
    numbers = [number(10.0, 0.5)] * 97 + [number(12.5, 0.5), number(14.0, 0.5), number(14.0, 0.5, WEAK)]
    told = summary(numbers)
    assert (told.compared, told.outside, told.borderline, len(told.stands_out)) == (100, 2, 1, 1)
    assert told.stands_out[0].words.endswith(
        "consistent with the upper vertebra lying further forward than in most adults"
    )
    rng = np.random.default_rng(7)
    healthy = rng.normal(10.0, 1.0, 40_000) + rng.normal(0.0, 0.5, 40_000)
    share = np.mean([standing_of(float(value), 0.5, STRONG) == "outside" for value in healthy])
    assert told.expected_outside_by_chance == pytest.approx(100 * share, abs=0.15)


def result(sagittal_deg: float, forward_mm: float, level_shift: float = 0.0, **changes: object) -> ReconstructionResult:
    """L4 on L5; L5 lies anywhere."""
    motion = SegmentMotion(
        upper="L4", lower="L5", rotation_deg=(1.0, sagittal_deg, 2.0), rotation_sigma_deg=(0.5, 0.5, 0.5),
        translation_mm=(forward_mm, 0.0, 36.0), translation_sigma_mm=(0.4, 0.4, 0.4),
    )  # fmt: skip
    document = {
        "software": "s", "method": "m", "levels": [], "measurements": [number(forward_mm, 0.3)], "segments": [motion],
        "quality": "ok", "timings_s": {}, "assets": [], "versions": {}, "calibration": calibration_document(),
    } | changes  # fmt: skip
    made = ReconstructionResult.model_validate(document)
    pose = rigid(rotation_from_vector(np.array([0.0, 0.0, level_shift])), np.array([level_shift, 0.0, 0.0]))
    level = {
        "level": "L5", "world_from_model": pose.tolist(), "coefficients_sd": (), "landmarks": (),
        "quality": {
            "image_residual": 0.0, "ray_residual_mm": 0.0, "overlap_dice": 1.0, "surface_sigma_mm": 0.5, "flag": "ok"
        },
    }  # fmt: skip
    return ReconstructionResult.model_validate(made.model_dump() | {"levels": [level]})


def test_comparison_tells_what_is_larger_than_its_error() -> None:
    told = compare(result(-5.0, 1.0), result(-14.0, 1.5, 0.3))
    (segment,) = told.segments
    assert segment.rotation_deg[1] == pytest.approx(-9.0, abs=0.05)
    assert segment.rotation_mdc_deg == pytest.approx([1.96 * 0.5 * np.sqrt(2)] * 3)
    assert segment.exceeds_mdc is not None
    assert (segment.exceeds_mdc.rotation[1], segment.exceeds_mdc.translation[0]) == (True, False)
    assert [word[:22] for word in told.words] == ["L4/L5: sagittal rotati"]
    assert told.measurements[0].change == pytest.approx(0.5) and told.measurements[0].exceeds_mdc is False
    laid = np.array(told.a_from_b) @ np.array(result(0.0, 0.0, 0.3).levels[0].world_from_model)
    np.testing.assert_allclose(laid, np.eye(4), atol=1e-12)


def test_rotation_of_a_rotation_is_exact() -> None:
    """Both turned by 30 degrees about x, the second by 10 degrees about y of the lower vertebra before that."""
    turn = rotation_from_vector(np.radians([30.0, 0.0, 0.0]))
    bent = rotation_from_vector(np.radians([0.0, 10.0, 0.0])) @ turn
    a, b = (tuple(float(angle) for angle in cardan_deg(rotation)) for rotation in (turn, bent))
    motions = [result(0.0, 0.0).segments[0].model_copy(update={"rotation_deg": angles}) for angles in (a, b)]
    one, two = (result(0.0, 0.0).model_copy(update={"segments": (motion,)}) for motion in motions)
    np.testing.assert_allclose(compare(one, two).segments[0].rotation_deg, [0.0, 10.0, 0.0], atol=1e-9)


def test_nothing_in_common() -> None:
    with pytest.raises(NothingInCommonError):
        compare(result(0.0, 0.0), result(0.0, 0.0).model_copy(update={"segments": ()}))
