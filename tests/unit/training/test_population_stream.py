"""Whole people: reproducible, closed, in order, apart, and written to files."""

import json

import numpy as np
import pytest
import trimesh

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.shape.mesh import volume_mm3
from lumbar3d.training.population.plan import EVERYBODY
from lumbar3d.training.population.stream import CLOSEST_MM, SPINOUS_MM, Population
from lumbar3d.training.population.write import write_remeshed, write_world

SEED = 11


@pytest.fixture(scope="module")
def population():
    return Population(mixture=EVERYBODY)


@pytest.fixture(scope="module")
def people(population):
    stream = population.subjects(SEED)
    return [next(stream) for _ in range(3)]


def test_a_person_follows_from_seed_and_place_alone(population, people):
    again = population.subject(SEED, 2)
    assert again.seed == people[2].seed and again.diagnoses == people[2].diagnoses
    assert all(np.array_equal(a, b) for a, b in zip(again.vertices, people[2].vertices, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(again.poses, people[2].poses, strict=True))
    assert not np.array_equal(people[0].vertices[0], people[1].vertices[0])


def test_vertebrae_are_in_order_closed_and_of_adult_size(population, people):
    faces = population.models["L3"].faces
    for subject in people:
        heights = [pose[2, 3] for pose in subject.poses]
        assert heights == sorted(heights, reverse=True) and subject.world_from_sacrum[2, 3] < heights[-1]
        for place in range(len(subject.levels)):
            mesh = subject.mesh_world(place, population.models["L3"])
            solid = trimesh.Trimesh(mesh.vertices, faces, process=False)
            assert solid.is_watertight and solid.euler_number == 0
            assert 20_000 < volume_mm3(mesh.vertices, faces) < 120_000


def test_neighbours_keep_apart(people):
    for subject in people:
        assert len(subject.gaps) == len(subject.levels) - 1
        if not any(diagnosis.startswith("fused") for diagnosis in subject.diagnoses):
            assert all(gap.least >= CLOSEST_MM and gap.spinous >= SPINOUS_MM for gap in subject.gaps)


def test_files(population, people, tmp_path):
    write_world(population, people[0], tmp_path / "world")
    record = json.loads((tmp_path / "world" / "subject.json").read_text())
    assert record["sex"] == people[0].sex and len(record["world_from_model"]) == len(people[0].levels)
    loaded = trimesh.load(tmp_path / "world" / "L1.ply", process=False)
    assert np.allclose(loaded.vertices, people[0].vertices_world(0), atol=1e-3)


def test_remeshed_files_carry_landmarks_and_correspondence(population, people, tmp_path):
    write_remeshed(population, people[:1], tmp_path)
    marks = json.loads((tmp_path / "landmarks_L3.json").read_text())["0000_L3.ply"]
    assert tuple(marks) == LANDMARKS
    mesh = trimesh.load(tmp_path / "L3" / "0000_L3.ply", process=False)
    assert len(mesh.vertices) != len(people[0].vertices[2])
    with np.load(tmp_path / "known_L3.npz") as known:
        truth = known["vertices"][0]
    # Mutual distances of landmarks do not change with the pose.
    spread = np.linalg.norm(np.array(marks["tp_left"]) - marks["tp_right"])
    indices = population.models["L3"].landmark_indices
    left, right = (truth[indices[LANDMARKS.index(name)]] for name in ("tp_left", "tp_right"))
    assert spread == pytest.approx(np.linalg.norm(left - right), abs=1e-3)
