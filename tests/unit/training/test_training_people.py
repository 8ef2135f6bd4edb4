"""The count of broken people, and the section that their picture shows."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from benchmarks.training_people import count, markdown
from lumbar3d.anatomy import PEDICLES
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.people_picture import section
from lumbar3d.training.radiographs.spine import Spine, Vertebra


def box(height_mm: float) -> Vertebra:
    """40 mm wide (y), 30 mm deep, with its plates' middles and pedicles as landmarks."""
    solid = trimesh.creation.box((30.0, 40.0, height_mm))
    mesh = TriangleMesh(np.asarray(solid.vertices, dtype=float), np.asarray(solid.faces, dtype=np.int32))
    landmarks = np.zeros((7, 3))
    landmarks[:2, 2] = height_mm / 2, -height_mm / 2
    landmarks[PEDICLES, 1] = 12.0, -12.0
    return Vertebra(mesh, mesh, landmarks)


def spine(heights_mm: list[float], *diagnoses: str) -> Spine:
    return Spine(tuple(box(height) for height in heights_mm), (), (), np.eye(4), 70.0, True, diagnoses)


def test_fractures_are_counted_by_grade_and_low_bodies_by_height() -> None:
    people = [
        spine([10.0, 25.0], "crush fracture, grade 3 L1", "wedge fracture, grade 1 L2", "osteophytes L2"),
        spine([26.0, 27.0], "slip L4/L5 5.0 mm"),
        spine([26.0, 11.5, 25.0], "crush fracture, grade 2 L2"),
    ]
    found = count(people, seconds=0.6)
    assert (found.people, found.vertebrae, found.grades) == (3, 7, [1, 1, 1])
    assert found.kinds == {"wedge": 1, "biconcave": 0, "crush": 2}
    assert (found.low, found.lowest_mm, found.seconds_each) == (2, 10.0, 0.2)
    assert found.with_it["fracture"] == 2 and found.with_it["slip"] == 1 and found.with_it["scoliosis"] == 0
    text = markdown({"training": found}, {"machine": "this"})
    assert "| fractures of grade 3 in 1000 vertebrae | 142.9 |" in text


def test_section_is_the_outline_between_left_and_right() -> None:
    lines = section(box(20.0))
    assert np.abs(lines[..., 1]).max() == pytest.approx(0.0, abs=1e-9)
    lengths = np.linalg.norm(lines[:, 0] - lines[:, 1], axis=1)
    assert lengths.sum() == pytest.approx(2 * (30.0 + 20.0))
