"""Measurement report of known spines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.anatomy import LEVELS
from lumbar3d.geometry import frames
from lumbar3d.measurement.heights import height_losses
from lumbar3d.measurement.norms import norm_of
from lumbar3d.measurement.report import measure
from lumbar3d.measurement.sampling import MeasurementConstants, volume_cm3
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import volume_mm3
from lumbar3d.shape.model import ShapeModel
from tests.shipped import shipped_models

PITCH_MM = 36.0
FEW = MeasurementConstants(draws=4)


@pytest.fixture(scope="module")
def models() -> tuple[ShapeModel, ...]:
    return shipped_models()


def spine(models: tuple[ShapeModel, ...], sd: dict[str, float] | None = None) -> list[FittedVertebra]:
    """Mean shapes in a column; ``sd`` of turn (rad), shift (mm) and shape (SD)."""
    sd = {"turn": 0.0, "shift": 0.0, "shape": 0.0} | (sd or {})
    fitted = []
    for place, model in enumerate(models):
        variance = np.repeat([sd["turn"], sd["shift"], sd["shape"]], [3, 3, model.rank]) ** 2
        pose = frames.rigid(np.eye(3), np.array([0.0, 0.0, -PITCH_MM * place]))
        fitted.append(FittedVertebra(model, pose, np.zeros(model.rank), np.diag(variance)))
    return fitted


def test_every_code_and_target_appears_once(models: tuple[ShapeModel, ...]) -> None:
    result = measure(spine(models))
    keys = [(m.code, m.target) for m in result]
    assert len(set(keys)) == len(keys) == 17 * 5 + 11 * 4 + 5
    assert all(np.isfinite([m.value, m.sigma]).all() for m in result)


def test_values_of_the_mean_shapes_are_anatomical(models: tuple[ShapeModel, ...]) -> None:
    """The means were built from mean87 and the tables of these very norms: within two standard deviations of them."""
    for m in measure(spine(models)):
        of_one_body = m.target in LEVELS and not m.code.startswith(("lateral", "sagittal", "axial"))
        if of_one_body and m.norm is not None:
            assert abs(m.value - m.norm.mean) < 2 * m.norm.sd, (m.code, m.target, m.value)


def test_a_certain_fit_has_no_standard_error(models: tuple[ShapeModel, ...]) -> None:
    assert max(m.sigma for m in measure(spine(models))) < 1e-9


def test_without_covariance_no_standard_error_is_stated(
    models: tuple[ShapeModel, ...],
) -> None:
    unstated = [replace(vertebra, covariance=None) for vertebra in spine(models)]
    bare = measure(unstated)
    assert [(m.code, m.target, m.value) for m in bare] == [(m.code, m.target, m.value) for m in measure(spine(models))]
    assert {m.sigma for m in bare} == {None}
    assert np.isnan(height_losses(unstated).certain).all()


def test_standard_errors_follow_the_posterior(models: tuple[ShapeModel, ...]) -> None:
    constants = MeasurementConstants(draws=4000)
    by_key = {(m.code, m.target): m for m in measure(spine(models, {"turn": 0.02, "shift": 0.5}), constants=constants)}
    assert by_key["lumbar_height", "L1-L5"].sigma == pytest.approx(0.5 * np.sqrt(2), rel=0.05)
    assert by_key["axial_rotation", "L3"].sigma == pytest.approx(np.degrees(0.02), rel=0.05)
    assert by_key["axial_rotation_intervertebral", "L3/L4"].sigma == pytest.approx(np.degrees(0.02) * 2**0.5, rel=0.05)
    assert by_key["body_height_anterior", "L3"].sigma < 1e-9


def test_standard_errors_are_the_same_in_every_run(models: tuple[ShapeModel, ...]) -> None:
    fitted = spine(models, {"turn": 0.01, "shape": 0.5})
    assert measure(fitted) == measure(fitted)


def test_what_the_images_did_not_tell_is_called_the_models(models: tuple[ShapeModel, ...]) -> None:
    told = {m.code: m.flag for m in measure(spine(models, {"shape": 0.3})) if m.target == "L3"}
    untold = {m.code: m.flag for m in measure(spine(models, {"shape": 1.0})) if m.target == "L3"}
    assert set(told.values()) == {"ok"}
    assert {untold[c] for c in ("body_height_anterior", "body_wedge_sagittal", "vertebra_volume")} == {"model_based"}
    assert {untold[c] for c in ("axial_rotation", "lateral_tilt", "sagittal_tilt")} == {"ok"}


def test_doubt_about_a_level_reaches_what_is_measured_on_it(models: tuple[ShapeModel, ...]) -> None:
    flagged = {m.target for m in measure(spine(models), doubtful={"L2"}) if m.flag == "low_confidence"}
    assert flagged == {"L2", "L1/L2", "L2/L3"}
    spans = {m.code for m in measure(spine(models), doubtful={"L5"}) if m.flag == "low_confidence"}
    assert "lumbar_lordosis" in spans


def test_volume_and_its_spread(models: tuple[ShapeModel, ...]) -> None:
    fitted = spine(models, {"shape": 0.1})[2]
    value, sigma, prior_sigma = volume_cm3(fitted)
    assert value == pytest.approx(volume_mm3(fitted.mesh_world().vertices, fitted.model.faces) / 1000, rel=1e-9)
    assert sigma == pytest.approx(0.1 * prior_sigma, rel=1e-6)
    rng = np.random.default_rng(3)
    draws = [volume_cm3(draw)[0] for draw in fitted.posterior_samples(60, rng)]
    assert np.std(draws) == pytest.approx(sigma, rel=0.3)


def test_norms_pool_men_and_women() -> None:
    norm = norm_of("endplate_width_superior", "L1")
    assert norm is not None
    assert norm.mean == 43.25
    assert norm.sd == pytest.approx(np.hypot(3.0, 2.75), abs=0.01)
    assert norm_of("slip_sagittal_percent", "L4/L5") is None


def test_what_holds_between_vertebrae_is_no_norm_against_the_sacrum() -> None:
    assert norm_of("slip_sagittal", "L4/L5") is not None
    assert norm_of("slip_sagittal", "L5/S1") is None
    slope = norm_of("sacral_slope", "S1")
    assert slope is not None
    assert (slope.mean, slope.evidence) == (39.4, "strong")


def test_norms_are_those_of_a_sex_where_it_is_told(models: tuple[ShapeModel, ...]) -> None:
    for sex, mean in (("female", 40.5), ("male", 46.0)):
        norm = norm_of("endplate_width_superior", "L1", sex)
        assert norm is not None and (norm.mean, norm.sd, norm.sex, norm.evidence) == (mean, 3.0, sex, "moderate")
    told, both = (measure(spine(models), constants=FEW, sex=sex) for sex in ("female", None))
    assert [(m.value, m.sigma) for m in told] == [(m.value, m.sigma) for m in both], "it changes no number"
    apart = {m.code for m in told if m.norm is not None and m.norm.sex == "female"}
    assert {"body_height_anterior", "endplate_depth_inferior", "body_wedge_sagittal"} <= apart
    assert not apart & {"lumbar_lordosis", "disc_height_middle", "slip_sagittal"}, "no source has these apart"


def test_any_list_of_levels_is_measured(models: tuple[ShapeModel, ...]) -> None:
    whole = {(m.code, m.target): m for m in measure(spine(models), constants=FEW)}
    part = {(m.code, m.target): m for m in measure(spine(models)[1:], constants=FEW)}
    fewer = {key: m for key, m in whole.items() if "L1" not in key[1]}
    assert part.keys() - {("cobb_coronal", "L2-L5")} <= fewer.keys() <= part.keys() | {("cobb_coronal", "L2-L5")}
    for key in part.keys() & fewer.keys():
        assert part[key].value == pytest.approx(fewer[key].value, abs=1e-9)
    assert not any(code.startswith("lumbar") or code == "cobb_coronal_l1_l5" for code, _ in part)


def test_no_segment_is_measured_across_a_gap(models: tuple[ShapeModel, ...]) -> None:
    bodies = spine(models)
    targets = {m.target for m in measure([bodies[0], bodies[2], bodies[3]], constants=FEW)}
    assert {target for target in targets if "-" not in target} == {"L1", "L3", "L4", "L3/L4"}
    assert {m.target for m in measure(bodies[2:3], constants=FEW)} == {"L3"}


def test_other_levels_have_no_norms_of_lumbar_ones() -> None:
    for code in ("body_height_anterior", "vertebra_volume", "endplate_area_superior"):
        assert norm_of(code, "T12") is None
    assert norm_of("disc_height_middle", "T12/L1") is None
