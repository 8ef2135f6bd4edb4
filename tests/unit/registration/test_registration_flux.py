"""The flux columns and the analytic gradient against finite differences of rendered images."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry import frames
from lumbar3d.registration import flux
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from lumbar3d.registration.objective import Objective, build_objective
from lumbar3d.registration.parameters import POSE, Parameters, fit_surface
from lumbar3d.registration.problem import FitProblem
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from tests.unit.registration_cases import exact_detection, network_views, toy_models, true_parameters

MODELS = toy_models()
TRUTH = true_parameters(MODELS, np.random.default_rng(0))
UNLIMITED = 100.0


def objective(start: Parameters, factor: int) -> Objective:
    constants = RegistrationConstants()
    task = FitProblem(MODELS, exact_detection(MODELS, TRUTH), CpuProjector(), constants, lambda fraction: None)
    return build_objective(task, MODELS[2], start, FitStage(factor, 100, 1))


def steps() -> list[np.ndarray]:
    sizes = np.concatenate([np.full(3, 0.01), np.full(3, 0.3), np.full(MODELS[2].rank, 0.2)])
    return list(np.diag(sizes))


def test_area_vectors_equal_the_plain_ones() -> None:
    model = MODELS[0]
    assert np.allclose(
        flux.area_vectors(model.mean, model.faces), vertex_area_vectors(model.mean, model.faces), atol=1e-12
    )


@pytest.mark.parametrize("index", [0, 1])
def test_columns_agree_with_supersampled_finite_differences(index: int) -> None:
    """Path-length columns on 4 px cells; images rendered at half a pixel, then averaged and blurred alike."""
    model, start, projection = MODELS[2], TRUTH[2], network_views()[index]
    surface, cell = fit_surface(model), 4
    points = surface.instance(start.coefficients)
    world = frames.apply(start.world_from_model, points)
    count = surface.vertex_count
    motion = flux.normal_motion(
        points[:count],
        flux.area_vectors(points[:count], surface.faces),
        start.world_from_model[:3, :3],
        surface.modes[:count],
        model.rank,
    )
    density = projection.pixel_density_px2_per_mm2(world[:count]).astype(np.float32)
    pixels = (projection.project(world[:count])[0] - (cell - 1) / 2) / cell
    shape = (projection.rows // cell, projection.columns // cell)
    reached = flux.reached_cells(pixels, shape)
    columns = np.zeros((*shape, motion.shape[1]))
    columns[reached >= 0] = flux.deposit(motion, density, pixels, np.full(shape, cell**-2, dtype=np.float32))
    columns = columns.reshape(-1, motion.shape[1])
    along_the_view = 3 + index  # moving the vertebra there changes next to nothing
    correlations = []
    for parameter, step in enumerate(steps()):
        difference = (
            _average(start.moved(step, UNLIMITED), index) - _average(start.moved(-step, UNLIMITED), index)
        ) / (2 * step[parameter])
        correlations.append(np.corrcoef(_spread(difference).ravel(), columns[:, parameter])[0, 1])
    strength = np.linalg.norm(columns, axis=0)
    assert strength[along_the_view] < 0.1 * strength[3:POSE].max()
    assert min(np.delete(correlations, along_the_view)) > 0.95


def test_columns_sum_to_the_change_of_volume() -> None:
    """Moving along the ray changes no volume seen; growing does, by the area times the step."""
    model = MODELS[0]
    surface = fit_surface(model)
    areas = flux.area_vectors(model.mean, surface.faces)
    motion = flux.normal_motion(model.mean, areas, np.eye(3), surface.modes[: len(model.mean)], 0)
    assert np.abs(motion[:, :POSE].sum(0)).max() < 0.05


@pytest.mark.parametrize("factor", [4, 2])
def test_gradient_agrees_with_differences_of_the_cost(factor: int) -> None:
    rng = np.random.default_rng(1)
    scale = np.concatenate([np.full(3, 0.03), np.full(3, 1.0), np.full(MODELS[2].rank, 0.3)])
    start = TRUTH[2].moved(scale * rng.normal(size=len(scale)), UNLIMITED)
    terms = objective(start, factor)
    equations = terms.linearise(terms.evaluate(start))
    numeric = [
        (terms.evaluate(start.moved(step, UNLIMITED)).cost - terms.evaluate(start.moved(-step, UNLIMITED)).cost)
        / (2 * step.max())
        for step in steps()
    ]
    scaled = np.sqrt(np.diag(equations.hessian))
    assert np.corrcoef(equations.gradient / scaled, np.array(numeric) / scaled)[0, 1] > 0.98


def _average(at: Parameters, index: int) -> np.ndarray:
    """Path length on 4 px cells, rendered at half a pixel."""
    projection = network_views()[index].regrid(np.array([-0.25, -0.25]), 0.5, 1024, 1024)
    mesh = TriangleMesh(frames.apply(at.world_from_model, MODELS[2].instance(at.coefficients)), MODELS[2].faces)
    lengths = CpuProjector().path_lengths_mm([mesh], projection)[0]
    return lengths.reshape(128, 8, 128, 8).mean(axis=(1, 3))


def _spread(cells: np.ndarray) -> np.ndarray:
    """The deposit's own blur (quadratic spline beside box: one more box of one cell)."""
    padded = np.pad(cells, 1)
    rows = 0.125 * padded[:-2] + 0.75 * padded[1:-1] + 0.125 * padded[2:]
    return 0.125 * rows[:, :-2] + 0.75 * rows[:, 1:-1] + 0.125 * rows[:, 2:]
