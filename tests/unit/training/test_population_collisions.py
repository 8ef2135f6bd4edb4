"""Room between neighbours, on the mean vertebrae."""

import numpy as np
import pytest

from lumbar3d.geometry import frames
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.population.collisions import (
    FREEDOM,
    Clearance,
    Regions,
    Solid,
    contact_of,
    make_room,
    measure_gaps,
)
from lumbar3d.training.population.congruence import fit_surfaces
from lumbar3d.training.population.posture import Joint
from tests.shipped import shipped_models

JOINT = Joint(10.5, 9.2)


@pytest.fixture(scope="module")
def pair():
    models = shipped_models()[2:4]
    return *(Solid.of(model.mean, model) for model in models), Regions.of(models[0]), models[0]


def test_rates_are_the_derivatives_of_the_distances(pair):
    upper, lower, regions, _ = pair
    before = contact_of(upper, lower, JOINT, regions)
    for column, name in enumerate(FREEDOM):
        step = 0.01
        after = contact_of(upper, lower, JOINT.moved(**{name: step}), regions)
        _, a, b = np.intersect1d(before.vertices, after.vertices, return_indices=True)
        same = (before.foot[a] == after.foot[b]) & (np.abs(before.distance[a]) < 2.5)
        numeric = (after.distance[b] - before.distance[a])[same] / step
        assert np.abs(numeric - before.rate[a][same, column]).max() < 0.15


def test_a_pushed_pair_gets_its_facet_gaps_and_touches_nowhere(pair):
    upper, lower, regions, model = pair
    pressed = JOINT.moved(forward_mm=2.0, height_mm=-1.0, axial_deg=2.0)
    assert measure_gaps(upper, lower, pressed, regions).least < -0.5
    asked = Clearance(facet_gap_mm=1.8)
    joint = make_room(upper, lower, pressed, regions, asked)
    fitted = fit_surfaces(upper, lower, joint, asked, (regions, model))
    assert fitted.gaps.facet_left == pytest.approx(1.8, abs=0.5)
    assert fitted.gaps.facet_right == pytest.approx(1.8, abs=0.5)
    lower_from_upper = lower.plates.superior @ joint.pose() @ frames.invert(upper.plates.inferior)
    mesh = TriangleMesh(fitted.lower.vertices, model.faces)
    points = frames.apply(lower_from_upper, fitted.upper.vertices[fitted.upper.low])
    foot, distance, face = SurfaceLocator(mesh).closest(points)
    corners = mesh.vertices[mesh.faces[face]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    side = np.sign(np.einsum("ni,ni->n", points - foot, normal))
    assert (side * distance).min() > 0.0


def test_surfaces_that_have_room_are_left_alone(pair):
    upper, lower, regions, model = pair
    apart = JOINT.moved(height_mm=6.0, forward_mm=-5.0)
    assert measure_gaps(upper, lower, apart, regions).least > 0.5
    fitted = fit_surfaces(upper, lower, apart, Clearance(room_mm=0.3, spinous_mm=0.5), (regions, model))
    assert fitted.upper is upper and fitted.lower is lower
