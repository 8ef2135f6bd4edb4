"""Every level's template takes the values that it is given, and measuring gives them back."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.anatomy import LEVELS
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.literature import Sex, norms
from lumbar3d.training.population.measure import measure
from tests.shipped import shipped_models

MODELS = dict(zip(LEVELS, shipped_models(), strict=True))
TEMPLATES = {level: Template(model) for level, model in MODELS.items()}


def assert_reached(level: str, wanted: dict[str, float]) -> None:
    got = measure(TEMPLATES[level].deform(wanted), MODELS[level])
    for name, value in wanted.items():
        assert got[name] == pytest.approx(value, abs=0.3 if name.endswith("_deg") else 0.1), name


@pytest.mark.parametrize("level", LEVELS)
def test_without_values_the_template_is_its_mean(level: str) -> None:
    model = MODELS[level]
    moved = TEMPLATES[level].deform({})
    # The mean is in the model frame but for the 0.3 mm by which its pedicles are off the mid-line.
    assert np.abs(moved - model.mean).max() < 1.0
    distances = np.linalg.norm(moved[::50, None] - moved[None, ::50], axis=-1)
    np.testing.assert_allclose(
        distances, np.linalg.norm(model.mean[::50, None] - model.mean[None, ::50], axis=-1), atol=1e-4
    )


@pytest.mark.parametrize("sex", ["male", "female"])
@pytest.mark.parametrize("level", LEVELS)
def test_literature_means_are_reached(level: str, sex: Sex) -> None:
    wanted = {name: norms()[name][level].mean(sex) for name in TEMPLATES[level].names}
    assert_reached(level, wanted)


@pytest.mark.parametrize("level", LEVELS)
def test_each_parameter_alone_is_reached_two_standard_deviations_out(level: str) -> None:
    template, table = TEMPLATES[level], norms()
    means = {name: table[name][level].mean_of_both for name in template.names}
    for name in template.names:
        for sign in (-1.0, 1.0):
            wanted = means | {name: means[name] + sign * 2 * table[name][level].sd}
            assert_reached(level, wanted)


def test_unknown_parameter_is_refused() -> None:
    with pytest.raises(KeyError, match="nose_length_mm"):
        TEMPLATES["L3"].deform({"nose_length_mm": 1.0})
