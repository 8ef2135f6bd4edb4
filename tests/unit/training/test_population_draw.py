"""Drawn people have the norms, sexes and correlations they were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lumbar3d.training.population.correlations import PATTERNS
from lumbar3d.training.population.draw import Person, Traits, draw_person
from lumbar3d.training.population.literature import norms

PEOPLE = 400


@pytest.fixture(scope="module")
def men() -> list[Person]:
    rng = np.random.default_rng(3)
    return [draw_person(rng, Traits(sex="male")) for _ in range(PEOPLE)]


def column(people: list[Person], parameter: str, place: int) -> NDArray[np.float64]:
    return np.array([person.values[place][parameter] for person in people])


def test_every_free_parameter_has_a_norm_at_every_level() -> None:
    assert set(norms()) - set(PATTERNS) == {"total_depth_mm"}
    assert all(set(levels) == {"L1", "L2", "L3", "L4", "L5"} for levels in norms().values())


@pytest.mark.parametrize("parameter", sorted(PATTERNS))
def test_mean_and_spread_are_the_norms(men: list[Person], parameter: str) -> None:
    for place, level in enumerate(("L1", "L2", "L3", "L4", "L5")):
        norm = norms()[parameter][level]
        found = column(men, parameter, place)
        assert abs(found.mean() - norm.male) < 0.2 * norm.sd
        assert found.std() == pytest.approx(norm.sd, rel=0.2)


def test_neighbouring_widths_go_together(men: list[Person]) -> None:
    for place in range(4):
        above, below = (column(men, "upper_width_mm", k) for k in (place, place + 1))
        assert 0.82 < np.corrcoef(above, below)[0, 1] < 0.95


def test_tall_people_have_tall_vertebrae(men: list[Person]) -> None:
    stature = [person.stature_cm for person in men]
    assert 0.4 < np.corrcoef(stature, column(men, "posterior_height_mm", 2))[0, 1] < 0.7


def test_facets_of_a_joint_fit(men: list[Person]) -> None:
    above, below = column(men, "inferior_facet_y_mm", 2), column(men, "superior_facet_half_spacing_mm", 3)
    assert np.corrcoef(above, below)[0, 1] > 0.95


def test_depth_grows_with_age() -> None:
    rng = np.random.default_rng(1)
    depth = [
        np.mean([draw_person(rng, Traits("male", age)).values[2]["upper_depth_mm"] for _ in range(120)])
        for age in (30.0, 80.0)
    ]
    assert depth[1] - depth[0] == pytest.approx(50 * 0.08, abs=1.0)


def test_asked_traits_and_seed_are_kept() -> None:
    asked = Traits("female", 70.0, 150.0, 6)
    first, second = (draw_person(np.random.default_rng(8), asked) for _ in range(2))
    assert (first.sex, first.age_years, first.stature_cm) == ("female", 70.0, 150.0)
    assert first.levels == ("L1", "L2", "L3", "L4", "L5", "L6") and first.template_levels[-1] == "L5"
    assert first.values == second.values
