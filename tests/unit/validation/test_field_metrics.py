"""The field's metrics on solids whose overlap and distances are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.validation.field_metrics import overlap, voxel_benchmark


def ball(radius_mm: float, middle: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> TriangleMesh:
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=radius_mm)
    return TriangleMesh(np.asarray(sphere.vertices) + middle, np.asarray(sphere.faces, dtype=np.int32))


def block(side_mm: float, shift_mm: float) -> TriangleMesh:
    box = trimesh.creation.box(extents=(side_mm,) * 3)
    corners = np.asarray(box.vertices) + side_mm / 2 + np.array([shift_mm + 0.3, 0.3, 0.3])
    return TriangleMesh(corners, np.asarray(box.faces, dtype=np.int32))


def test_a_solid_agrees_with_itself() -> None:
    found = overlap(ball(20.0), ball(20.0))
    assert (found.dice, found.assd_mm, found.hd95_mm, found.nsd) == (1.0, 0.0, 0.0, (1.0, 1.0, 1.0))


def test_a_shifted_block_loses_what_sticks_out() -> None:
    found = overlap(block(20.0, 2.0), block(20.0, 0.0))
    assert found.dice == pytest.approx(18 / 20)
    assert found.hd95_mm == pytest.approx(2.0)


@pytest.mark.parametrize("pitch_mm", [1.0, 0.5])
def test_distances_are_millimetres_on_any_grid(pitch_mm: float) -> None:
    found = overlap(ball(23.0), ball(20.0), pitch_mm)
    assert found.assd_mm == pytest.approx(3.0, abs=0.25)
    assert found.hd95_mm == pytest.approx(3.0, abs=0.6)
    assert found.nsd[0] == 0.0
    assert found.dice == pytest.approx(2 * 20.0**3 / (20.0**3 + 23.0**3), abs=0.01)


def test_nothing_is_aligned_afterwards() -> None:
    assert overlap(ball(10.0, (0.0, 0.0, 25.0)), ball(10.0)).dice == 0.0


def test_the_benchmark_convention_is_told_in_millimetres_too() -> None:
    found = voxel_benchmark(ball(24.0), ball(20.0))
    assert found.asd_mm == pytest.approx(4.0, abs=0.5)
    assert found.nsd == (0.0,)
    assert voxel_benchmark(ball(21.0), ball(20.0)).nsd == (1.0,)


def test_a_surface_between_the_voxels_is_told() -> None:
    with pytest.raises(ValueError, match="no voxel"):
        overlap(ball(0.05, (0.5, 0.5, 0.5)), ball(0.05, (0.5, 0.5, 0.5)))
