"""Every projector against analytic phantoms, ray casting and each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.drr.factory import create_projector
from lumbar3d.drr.gpu import device_count
from lumbar3d.drr.projector import Projector
from lumbar3d.drr.reference import ReferenceProjector
from lumbar3d.errors import DeviceError, RegistrationError
from lumbar3d.geometry.projection import ConeBeam, Projection
from lumbar3d.geometry.slot_scanner import SlotScanner
from lumbar3d.shape.mesh import TriangleMesh
from tests.unit.projector_cases import box, bumpy_torus, cast_rays, slot, sphere, view

AGREEMENT_MM = 1e-4
"""Float64 oracle against float32 accumulation of depths of at most 50 mm about z_ref."""


@pytest.fixture(params=[ReferenceProjector, CpuProjector])
def projector(request: pytest.FixtureRequest) -> Projector:
    built: Projector = request.param()
    return built


def ray_to_origin_mm(projection: ConeBeam) -> np.ndarray:
    pixels = np.stack(np.meshgrid(np.arange(projection.columns), np.arange(projection.rows)), -1).reshape(-1, 2)
    origins, directions = projection.rays(pixels)
    along = -np.einsum("ni,ni->n", origins, directions)
    return np.linalg.norm(origins + along[:, None] * directions, axis=1).reshape(projection.rows, projection.columns)


def test_sphere_chord(projector: Projector) -> None:
    projection = view()
    distance = ray_to_origin_mm(projection)
    chord = 2 * np.sqrt(np.maximum(25.0**2 - distance**2, 0))
    lengths = projector.path_lengths_mm([sphere()], projection)[0]
    inside = distance < 24.0
    # An icosphere of 20 k faces lies 0.01 mm inside its sphere; the chord magnifies that towards the rim.
    assert np.abs(lengths - chord)[inside].max() < 0.1
    assert np.abs(lengths - chord)[distance < 15.0].max() < 0.03
    assert np.abs(lengths[distance > 25.0]).max() == 0.0


def test_box_is_exact(projector: Projector) -> None:
    projection = view()
    lengths = projector.path_lengths_mm([box((30.0, 20.0, 24.0))], projection)[0]
    _, directions = projection.rays(np.array([[column, 48.0] for column in range(44, 54)]))
    expected = 30.0 / np.abs(directions[:, 0])
    assert np.abs(lengths[48, 44:54] - expected).max() < AGREEMENT_MM


@pytest.mark.parametrize("camera", [view, slot])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_ray_casting(projector: Projector, seed: int, camera: Callable[..., Projection]) -> None:
    projection = camera(size=64, spacing_mm=1.6, yaw_rad=0.4 * seed)
    mesh = bumpy_torus(np.random.default_rng(seed))
    difference = np.abs(projector.path_lengths_mm([mesh], projection)[0] - cast_rays(mesh, projection))
    assert difference.max() < 1e-3


def test_the_bent_edges_of_a_slot_scanner_are_drawn_exactly(projector: Projector) -> None:
    """Two triangles a face of 60 mm: drawn with straight edges, they would be off by half a pixel and millimetres."""
    turn = Rotation.from_euler("xyz", [0.3, -0.4, 0.5]).as_matrix()
    cube = box((60.0, 60.0, 60.0))
    mesh, projection = TriangleMesh(cube.vertices @ turn.T, cube.faces), slot(size=96, spacing_mm=1.3)
    difference = np.abs(projector.path_lengths_mm([mesh], projection)[0] - cast_rays(mesh, projection))
    assert difference.max() < 1e-3
    straight = projector.path_lengths_mm([mesh], _StraightEdges(**vars(projection)))[0]
    assert np.abs(straight - cast_rays(mesh, projection)).max() > 1.0


class _StraightEdges(SlotScanner):
    """The mistake that the test above must see."""

    def edge_weight(self, depth_mm: np.ndarray) -> np.ndarray:
        return np.ones_like(depth_mm)


@pytest.mark.parametrize("offset_mm", [0.0, 38.0, 200.0])
def test_cpu_agrees_with_the_oracle_also_off_the_image(offset_mm: float) -> None:
    meshes = [bumpy_torus(np.random.default_rng(seed), offset_mm) for seed in range(3)]
    expected = ReferenceProjector().path_lengths_mm(meshes, view())
    assert np.abs(CpuProjector().path_lengths_mm(meshes, view()) - expected).max() < AGREEMENT_MM
    assert (expected.max() > 0) == (offset_mm < 100)


def test_part_off_the_image_equals_the_crop_of_a_larger_image() -> None:
    whole = view()
    part = whole.regrid(np.array([40.0, 30.0]), 1.0, 33, 41)
    mesh = bumpy_torus(np.random.default_rng(7))
    projector = CpuProjector()
    crop = projector.path_lengths_mm([mesh], whole)[0, 30:63, 40:81]
    assert np.abs(projector.path_lengths_mm([mesh], part)[0] - crop).max() < AGREEMENT_MM


def test_nothing_leaks_in_random_poses() -> None:
    projector, rng = CpuProjector(), np.random.default_rng(3)
    for pose in range(20):
        mesh, projection = bumpy_torus(rng), view(size=256, spacing_mm=0.4, yaw_rad=0.2 * pose)
        lengths = projector.path_lengths_mm([mesh], projection)[0]
        covered = _covered(mesh, projection)
        assert np.abs(lengths[~covered]).max() < AGREEMENT_MM
        assert lengths.min() > -AGREEMENT_MM
        assert lengths.max() < 60.0


def test_pixel_centres_exactly_on_edges_and_vertices_count_once() -> None:
    """The silhouette of a box seen along its axis falls on pixel centres: the rule must still close."""
    projection = view()
    aligned = ConeBeam(
        camera_from_world=projection.camera_from_world,
        focal_px=np.array([885.0, 885.0]),
        principal_px=np.array([48.0, 48.0]),
        pixel_spacing_mm=projection.pixel_spacing_mm,
        rows=96,
        columns=96,
    )
    # Front face at depth 885 (x = +15): half width 10 mm is 10 px sharp.
    lengths = CpuProjector().path_lengths_mm([box((30.0, 20.0, 20.0))], aligned)[0]
    assert np.abs(lengths[:38]).max() == 0.0
    assert lengths[48, 48] == pytest.approx(30.0, abs=AGREEMENT_MM)
    assert lengths.min() > -AGREEMENT_MM
    assert lengths.max() < 30.1


def test_a_surface_at_the_source_is_refused(projector: Projector) -> None:
    ball = sphere(subdivisions=1)
    with pytest.raises(RegistrationError):
        projector.path_lengths_mm([TriangleMesh(ball.vertices + [900.0, 0, 0], ball.faces)], view())


def test_factory_gives_what_was_asked() -> None:
    assert isinstance(create_projector("cpu"), CpuProjector)
    if device_count() == 0:
        assert isinstance(create_projector("auto"), CpuProjector)
        with pytest.raises(DeviceError):
            create_projector("gpu")


def _covered(mesh: TriangleMesh, projection: ConeBeam) -> np.ndarray:
    """Pixels within 1e-6 px of some triangle, by half-planes."""
    uv = projection.project(mesh.vertices)[0]
    covered = np.zeros((projection.rows, projection.columns), dtype=bool)
    for corners in uv[mesh.faces]:
        (u0, v0), (u1, v1) = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
        u, v = np.meshgrid(np.arange(u0, u1 + 1), np.arange(v0, v1 + 1))
        sides = []
        for start, end in ((0, 1), (1, 2), (2, 0)):
            edge = corners[end] - corners[start]
            sides.append((edge[0] * (v - corners[start, 1]) - edge[1] * (u - corners[start, 0])) / np.hypot(*edge))
        inside = np.all(np.array(sides) >= -1e-6, axis=0) | np.all(np.array(sides) <= 1e-6, axis=0)
        covered[v0 : v1 + 1, u0 : u1 + 1] |= inside
    return covered
