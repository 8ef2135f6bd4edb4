"""The joint prior is the Gaussian it says it is: checked against dense linear algebra."""

import numpy as np
import pytest

from lumbar3d.shape.joint_prior import Evidence, LevelPrior

LEVELS, RANK, FACTORS = 5, 8, 3


@pytest.fixture
def loadings() -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.stack([0.8 * np.linalg.qr(rng.normal(size=(RANK, FACTORS)))[0] for _ in range(LEVELS)])


@pytest.fixture
def data() -> list[tuple[np.ndarray, np.ndarray]]:
    """Precision (K, K) and pull (K,) of each level's own likelihood."""
    rng = np.random.default_rng(6)
    found = []
    for _ in range(LEVELS):
        root = rng.normal(size=(RANK, RANK - 2))  # two directions are not seen
        found.append((root @ root.T, root @ rng.normal(size=RANK - 2)))
    return found


def joint_covariance(loadings: np.ndarray) -> np.ndarray:
    flat = loadings.reshape(-1, FACTORS)
    own = np.kron(np.eye(LEVELS), np.ones((RANK, RANK))) > 0
    return np.where(own, np.eye(LEVELS * RANK), flat @ flat.T)


def evidence(loadings: np.ndarray, data: list[tuple[np.ndarray, np.ndarray]]) -> list[Evidence]:
    found = []
    for own, (precision, pull) in zip(loadings, data, strict=True):
        covariance = np.linalg.inv(precision + np.eye(RANK))
        found.append(Evidence.of(own, covariance @ pull, covariance.astype(np.float64)))
    return found


def test_prior_from_the_others_is_the_conditional_of_the_joint_gaussian(
    loadings: np.ndarray, data: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    row = 2
    information = np.linalg.inv(joint_covariance(loadings))
    pulls = np.zeros(LEVELS * RANK)
    for other, (precision, pull) in enumerate(data):
        if other != row:
            part = slice(other * RANK, (other + 1) * RANK)
            information[part, part] += precision
            pulls[part] = pull
    covariance = np.linalg.inv(information)
    part = slice(row * RANK, (row + 1) * RANK)
    levels = evidence(loadings, data)
    prior = levels[row].predicted_from([*levels[:row], *levels[row + 1 :]]).prior(loadings[row])
    np.testing.assert_allclose(prior.mean, (covariance @ pulls)[part], atol=1e-8)
    np.testing.assert_allclose(np.linalg.inv(prior.precision(RANK)), covariance[part, part], atol=1e-8)


def test_cost_slope_and_precision_of_a_prior_agree(loadings: np.ndarray) -> None:
    rng = np.random.default_rng(7)
    prior, at, step = LevelPrior(rng.normal(size=RANK), loadings[0]), rng.normal(size=RANK), 1e-5
    numeric = [(prior.cost(at + step * e) - prior.cost(at - step * e)) / (2 * step) for e in np.eye(RANK)]
    np.testing.assert_allclose(prior.slope(at, RANK), numeric, atol=1e-8)
    slopes = [(prior.slope(at + step * e, 5) - prior.slope(at - step * e, 5)) / (2 * step) for e in np.eye(RANK)[:5]]
    np.testing.assert_allclose(prior.precision(5), slopes, atol=1e-8)


def test_alone_is_the_unit_gaussian() -> None:
    alone, at = LevelPrior.alone(RANK), np.arange(RANK, dtype=float)
    assert alone.cost(at) == pytest.approx(0.5 * float(at @ at))
    np.testing.assert_array_equal(alone.precision(3), np.eye(3))


def test_surprise_is_about_one_for_people_of_the_model_and_grows_with_contradiction(loadings: np.ndarray) -> None:
    rng = np.random.default_rng(8)
    root = np.linalg.cholesky(joint_covariance(loadings))
    usual, changed = [], []
    for _ in range(300):
        person = (root @ rng.normal(size=LEVELS * RANK)).reshape(LEVELS, RANK)
        data = []
        for own in person:
            design = rng.normal(size=(RANK, RANK))
            data.append((design @ design.T, design @ (design.T @ own + rng.normal(size=RANK))))
        levels = evidence(loadings, data)
        expected = levels[0].predicted_from(levels[1:])
        usual.append(levels[0].surprise(expected) ** 2)
        moved = (data[0][0], data[0][1] + data[0][0] @ (loadings[0] @ np.full(FACTORS, 5.0)))
        changed.append(evidence(loadings, [moved, *data[1:]])[0].surprise(expected))
    assert np.mean(usual) == pytest.approx(1.0, abs=0.15)  # standard error of the mean 0.05
    assert np.median(changed) > 2.0
