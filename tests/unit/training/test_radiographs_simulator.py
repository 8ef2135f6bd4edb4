"""Simulated pairs and their labels."""

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.training.population.plan import BROKEN, EVERYBODY
from lumbar3d.training.radiographs.presentation import Shutters
from lumbar3d.training.radiographs.real_spine import spine_of
from lumbar3d.training.radiographs.room import draw_room, miscalibrated
from lumbar3d.training.radiographs.simulate import COMPLETE, MEASURING, TRAINING, Simulator, Variety
from lumbar3d.training.radiographs.spine import SpineSampler
from tests.shipped import shipped_models


@pytest.fixture(scope="module")
def models():
    return shipped_models()


@pytest.fixture(scope="module")
def simulator(models):
    return Simulator(models)


@pytest.fixture(scope="module")
def pair(simulator):
    return simulator.pair(41, step=2)


def test_a_seed_is_a_patient(models, simulator, pair):
    other = simulator.pair(42, step=2)
    again = Simulator(models).pair(41, step=2)
    for view, same, different in zip(pair, again, other, strict=True):
        assert np.array_equal(view.pixels, same.pixels)
        assert np.array_equal(view.landmarks_px, same.landmarks_px)
        assert not np.array_equal(view.pixels, different.pixels)


def test_views_are_on_the_network_grid(pair):
    for view, name in zip(pair, ("ap", "lat"), strict=True):
        assert view.view == name
        assert view.pixels.shape == (256, 256) and view.pixels.dtype == np.float32
        assert view.pixels.min() >= 0.0 and view.pixels.max() <= 1.0
        assert view.projection.columns == 256
        assert view.opacity.shape == (5, 256, 256) and view.opacity.min() >= 0.0 and view.opacity.max() < 1.0


def test_visible_levels_end_at_the_shutters(pair):
    view = pair[0]
    assert view.visible.all()
    top = (view.landmarks_px[0, 0, 1] + 3.0) / 256
    closed = replace(view, recipe=replace(view.recipe, shutters=Shutters(top=top)))
    assert closed.visible.tolist() == [False, True, True, True, True]


def test_the_calibration_that_is_told_is_slightly_wrong():
    rng = np.random.default_rng(0)
    shifts, angles = [], []
    for _ in range(50):
        beam = draw_room(rng)[0]
        wrong = miscalibrated(beam, rng)
        point = np.zeros((1, 3))
        shifts.append(np.linalg.norm(wrong.project(point)[0] - beam.project(point)[0]) * beam.pixel_spacing_mm[0])
        turn = wrong.camera_from_world[:3, :3] @ beam.camera_from_world[:3, :3].T
        angles.append(np.degrees(np.arccos((np.trace(turn) - 1) / 2)))
    assert 0.3 < np.mean(angles) < 0.8
    assert 1.0 < np.mean(shifts) < 6.0


def test_landmarks_lie_on_their_vertebra(pair):
    for view in pair:
        for level, points in enumerate(view.landmarks_px):
            middle = np.round(points[:2].mean(axis=0)).astype(int)
            assert view.opacity[level, middle[1], middle[0]] > 0.3
            for column, row in np.round(points).astype(int):
                window = view.opacity[level, max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
                assert window.max() > 0.01


def test_canonical_orientation(simulator):
    for seed in range(4):
        ap, lat = simulator.pair(seed, step=2)
        assert (ap.landmarks_px[:, 2, 0] > ap.landmarks_px[:, 3, 0]).all()  # the patient's left on the right
        assert (lat.landmarks_px[:, 6, 0] > lat.landmarks_px[:, 0, 0]).all()  # spinous process to the right
        for view in (ap, lat):
            assert (np.diff(view.landmarks_px[:, 0, 1]) > 0).all()  # L1 on top


def test_rooms_have_films_from_both_sides():
    rng = np.random.default_rng(3)
    rooms = [draw_room(rng) for _ in range(40)]
    for name, beams in (("ap", [room[0] for room in rooms]), ("lat", [room[1] for room in rooms])):
        mirrored = [flips_to_canonical(beam, name).columns for beam in beams]
        assert any(mirrored) and not all(mirrored)
        assert not any(flips_to_canonical(beam, name).rows for beam in beams)


def test_a_person_returns_in_another_posture_and_room(models):
    several = Simulator(models, Variety(pairs_per_person=2))
    same = [several.spine(seed) for seed in (80, 81)]
    other = several.spine(82)

    def size(spine):
        points = spine.lumbar[2].mesh.vertices
        return np.linalg.norm(points[0] - points[100:], axis=1)

    assert np.allclose(size(same[0]), size(same[1])) and not np.allclose(size(same[0]), size(other))
    bends = [spine.lumbar[0].landmarks_mm[0] - spine.lumbar[4].landmarks_mm[0] for spine in same]
    assert np.linalg.norm(bends[0] - bends[1]) > 0.5
    assert same[0].age_years == same[1].age_years != other.age_years


def test_spine_is_the_spine_of_the_pair(simulator, pair):
    spine = simulator.spine(41)
    view = pair[0]
    pixels = view.projection.project(spine.lumbar[0].landmarks_mm)[0]
    flipped = flips_to_canonical(view.projection, "ap").points(pixels, view.projection)
    assert np.allclose(flipped, view.landmarks_px[0])


def test_films_that_are_cut_show_fewer_levels(models):
    simulator = Simulator(models, Variety(cut_share=1.0))
    views = [view for seed in range(3) for view in simulator.pair(seed, step=2)]
    shown = np.array([view.visible for view in views])
    assert not shown.all() and shown.any()
    for view in views:
        assert (view.opacity.max(axis=(1, 2)) > 0.1).tolist() == view.visible.tolist()


def test_vertebrae_follow_each_other_without_overlap(models):
    sampler = SpineSampler(models)
    for seed in range(5):
        spine = sampler.draw(np.random.default_rng(seed))
        chain = [*spine.thoracic, *spine.lumbar]
        for upper, lower in zip(spine.lumbar[:-1], spine.lumbar[1:], strict=True):
            gap = upper.landmarks_mm[1] - lower.landmarks_mm[0]
            assert 0.5 < np.linalg.norm(gap) < 22.0 and gap[2] > 0
        assert (np.diff([vertebra.mesh.vertices[:, 2].mean() for vertebra in chain]) < 0).all()


def test_people_differ_in_size(models):
    sampler = SpineSampler(models)
    heights = [
        np.linalg.norm(spine.lumbar[0].landmarks_mm[0] - spine.lumbar[4].landmarks_mm[1])
        for spine in (sampler.draw(np.random.default_rng(seed)) for seed in range(12))
    ]
    assert min(heights) > 140.0 and max(heights) < 240.0 and np.std(heights) > 4.0


def test_a_given_person_keeps_the_surfaces(models):
    drawn = SpineSampler(models).draw(np.random.default_rng(1))
    meshes = [vertebra.mesh for vertebra in drawn.lumbar]
    arches = [mesh.vertices[:, 0] < mesh.vertices[:, 0].mean() for mesh in meshes]
    spine = spine_of(meshes, [vertebra.landmarks_mm for vertebra in drawn.lumbar], arches)
    assert all(a.mesh is b for a, b in zip(spine.lumbar, meshes, strict=True))
    tops = [vertebra.mesh.vertices[:, 2].mean() for vertebra in (*spine.thoracic, *spine.lumbar)]
    assert (np.diff(tops) < 0).all() and spine.world_from_sacrum[2, 3] < tops[-1]


@pytest.fixture(scope="module")
def uncommon(models):
    """Pairs of people with four and with six lumbar vertebrae."""
    simulator = Simulator(models, Variety(other_counts_share=1.0))
    pairs = [(len(simulator.spine(seed).lumbar), simulator.pair(seed, step=2)) for seed in range(8)]
    return {count: pair for count, pair in pairs}


def test_four_and_six_lumbar_vertebrae_are_labelled_from_above(uncommon):
    assert set(uncommon) == {4, 6}
    for count, pair in uncommon.items():
        for view in pair:
            thoracic, sixth, sacrum, upper, _ = view.marks_px
            named = view.landmarks_px[: min(count, 5), :2].mean(axis=1)
            chain = np.vstack([upper, thoracic, named, *([sixth] if count == 6 else []), sacrum])
            assert (np.diff(chain[:, 1]) > 5.0).all()
            assert view.opacity[4].any() == (count == 6) == bool(view.visible[4])
            assert view.marks_seen[1] == (count == 6)


def test_beams_that_go_astray_miss_vertebrae(models):
    simulator = Simulator(models, Variety(astray_share=1.0))
    shown = np.array([view.visible for seed in range(6) for view in simulator.pair(seed, step=2)])
    assert shown.all(axis=1).mean() < 0.3 and shown.any()
    assert {tuple(row[[0, 4]]) for row in shown} >= {(True, False), (False, True)}


def test_measured_people_stay_who_they_were(models):
    spine = Simulator(models).spine(10_000_001)
    # Upper plates' middles as drawn before training had people of its own: every benchmark measures on such people.
    before_mm = [
        [25.26115, 4.259559, 73.51698],
        [13.624545, 8.442537, 47.122621],
        [5.757534, 11.818264, 16.570604],
        [-3.455311, 14.056931, -11.8185],
        [-11.648186, 14.848704, -40.120849],
    ]
    assert np.allclose([vertebra.landmarks_mm[0] for vertebra in spine.lumbar], before_mm, rtol=0.0, atol=1e-5)
    assert spine.diagnoses == ("osteophytes L2", "worn disc L4/L5")


def test_training_meets_broken_people_in_three_pairs_each(models):
    assert COMPLETE.people is BROKEN and TRAINING.people is BROKEN and MEASURING.people is EVERYBODY
    taught, measured = Simulator(models, COMPLETE), Simulator(models)
    assert taught.spine(3 * 14).diagnoses == taught.spine(3 * 14 + 2).diagnoses
    # The same people but for what is wrong with them.
    found = [(taught.spine(3 * person).diagnoses, measured.spine(person).diagnoses) for person in range(3)]
    assert any(often != natural for often, natural in found)
