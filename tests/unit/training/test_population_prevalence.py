"""Prevalence: training people have the asked-for shares of disorders, test people have life's."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.training.population import pathology, scoliosis
from lumbar3d.training.population.pathology import Trouble
from lumbar3d.training.population.plan import BROKEN, EVERYBODY, Mixture, draw_plan
from lumbar3d.training.population.prevalence import OFTEN

PEOPLE, PLANS = 2000, 250


@pytest.fixture(scope="module")
def troubles() -> list[tuple[Trouble, ...]]:
    """Of women and men of 25 and 80 years."""
    rng = np.random.default_rng(11)
    whose = [(sex, age) for sex in ("female", "male") for age in (25.0, 80.0)]
    return [pathology.draw(rng, *whose[k % 4], prevalence=OFTEN) for k in range(PEOPLE)]


def grades(person: tuple[Trouble, ...]) -> list[int]:
    return [trouble.fracture.grade for trouble in person if trouble.fracture]


def within(share: float, count: int) -> object:
    """Three standard errors."""
    return pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / count))


def test_one_in_four_is_broken_whatever_sex_and_age(troubles: list[tuple[Trouble, ...]]) -> None:
    for first in range(4):
        own = troubles[first::4]
        assert np.mean([bool(grades(person)) for person in own]) == within(0.25, len(own))


def test_half_of_the_fractures_are_severe_and_all_levels_break(troubles: list[tuple[Trouble, ...]]) -> None:
    every = np.concatenate([grades(person) for person in troubles]).astype(int)
    assert np.mean(every >= 2) == within(0.5, len(every))
    assert np.mean(every == 3) == within(0.3, len(every))
    places = [k for person in troubles for k, trouble in enumerate(person) if trouble.fracture]
    assert np.bincount(places).min() > 0.1 * len(places)


def test_one_in_three_has_uneven_plates(troubles: list[tuple[Trouble, ...]]) -> None:
    uneven = [[bool(trouble.dents) for trouble in person] for person in troubles]
    # Three of four vertebrae of these people have one.
    assert np.mean(np.any(uneven, axis=1)) == within(0.35, PEOPLE)
    assert np.mean(uneven) == pytest.approx(0.35 * 0.75, abs=0.04)


def test_curves_are_as_frequent_and_large_as_asked() -> None:
    rng = np.random.default_rng(4)
    angles = np.abs([scoliosis.draw_curve(rng, OFTEN).angle_deg for _ in range(PEOPLE)])
    assert np.mean(angles >= 20.0) == within(0.20, PEOPLE)
    assert np.mean(angles >= 30.0) == within(0.08, PEOPLE)


def shares(mixture: Mixture) -> dict[str, float]:
    """Of whole people who have something; of osteophytes, the vertebrae of a person that have some."""
    rng = np.random.default_rng(3)
    found = [" ".join(draw_plan(rng, mixture).diagnoses()) for _ in range(PLANS)]
    names = ("fracture", "slip", "scoliosis", "uneven")
    people = {name: float(np.mean([name in diagnoses for diagnoses in found])) for name in names}
    return people | {"osteophytes": float(np.mean([diagnoses.count("osteophytes") for diagnoses in found]))}


def test_people_for_training_have_it_all_and_measured_people_as_in_life() -> None:
    often, natural = shares(BROKEN), shares(EVERYBODY)
    assert often["fracture"] == within(0.25, PLANS)
    assert natural["fracture"] < 0.12 and natural["uneven"] == 0.0
    for name in ("slip", "scoliosis", "osteophytes", "uneven"):
        assert often[name] > 1.3 * natural[name]
