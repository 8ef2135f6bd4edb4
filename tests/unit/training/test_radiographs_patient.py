"""Patients around a spine: in the right place, closed, and switched by the habitus."""

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.shape.mesh import volume_mm3
from lumbar3d.training.radiographs.cortex import FACET_MM, RIM_MM, SHELL_MM, cortex_mm
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.habitus import IMPLANTS, draw_habitus
from lumbar3d.training.radiographs.implants import draw_implants, vertebra_pose
from lumbar3d.training.radiographs.patient import draw_patient, lengths_mm, matter_of
from lumbar3d.training.radiographs.pelvis import foramina, hip, ilium, sacrum
from lumbar3d.training.radiographs.room import draw_room
from lumbar3d.training.radiographs.spine import SpineSampler
from tests.shipped import shipped_models


@pytest.fixture(scope="module")
def models():
    return shipped_models()


@pytest.fixture(scope="module")
def spine(models):
    return SpineSampler(models).draw(np.random.default_rng(5))


@pytest.fixture(scope="module")
def beams():
    return [beam.downsampled(4) for beam in draw_room(np.random.default_rng(1))]


def plain(**changes):
    habitus = draw_habitus(50.0, False, np.random.default_rng(0))
    nothing = {"gas_loops": 0, "small_gas": 0, "faeces": 0, "stomach_bubble": False, "arms_in_view": False}
    quiet = {"aortic_calcification": 0, "contrast": False, "implant": "none", "unevenness": 0.0, "grain": 0.0}
    return replace(habitus, **{**nothing, **quiet, **changes})


@pytest.mark.parametrize("bone", [ilium(1.0), ilium(-1.0), hip(1.0), sacrum()], ids=["left", "right", "hip", "sacrum"])
def test_bones_are_closed_with_their_marrow_inside(bone):
    for surface in (bone.outer, bone.inner):
        edges = np.sort(surface.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert 0.0 < volume_mm3(bone.inner.vertices, bone.inner.faces) < volume_mm3(bone.outer.vertices, bone.outer.faces)


def test_the_pelvis_stands_where_it_should():
    left, right = ilium(1.0).outer.vertices, ilium(-1.0).outer.vertices
    assert np.allclose(left * [1, -1, 1], right)
    assert 30.0 < left[:, 2].max() < 60.0  # crests at L4/L5
    assert 120.0 < left[:, 1].max() < 150.0
    assert (np.abs(foramina().vertices[:, 1]) < 30.0).all()


def test_cortex_is_thin_on_the_body_and_thick_on_the_facets(models):
    thickness = cortex_mm(models[2])
    where = {vertex: number for number, vertex in enumerate(models[2].fit_vertices)}
    for patch, value in (("plate_sup_rim", RIM_MM), ("sap_left", FACET_MM), ("posterior_wall", SHELL_MM)):
        inside = [where[vertex] for vertex in models[2].patches[patch] if vertex in where]
        assert np.median(thickness[inside]) == value


def test_bone_density_falls_with_age():
    young, old = (
        [draw_habitus(age, True, np.random.default_rng(seed)).trabecular_hu for seed in range(40)] for age in (25, 80)
    )
    assert 200 < np.mean(young) < 250 and 75 < np.mean(old) < 130


def test_habitus_draws_every_switch():
    people = [draw_habitus(70.0, seed % 2 == 0, np.random.default_rng(seed)) for seed in range(300)]
    assert {person.implant for person in people} == set(IMPLANTS)
    for switch in ("stomach_bubble", "fold", "arms_in_view", "contrast"):
        assert {getattr(person, switch) for person in people} == {True, False}


@pytest.mark.parametrize(
    "change, thinner",
    [
        ({"gas_loops": 6}, True),
        ({"stomach_bubble": True}, True),
        ({"faeces": 6}, True),
        ({"arms_in_view": True}, False),
    ],
)
def test_switches_of_soft_tissue(spine, beams, change, thinner):
    films = [
        matter_of(spine, draw_patient(spine, habitus, np.random.default_rng(3)), beam, np.random.default_rng(4)).soft_mm
        for habitus in (plain(), plain(**change))
        for beam in beams
    ]
    differences = [changed - before for before, changed in zip(films[:2], films[2:], strict=True)]
    largest = max((-d if thinner else d).max() for d in differences)
    assert largest > 8.0


def test_trunk_is_as_thick_as_a_person(spine, beams):
    matter = [
        matter_of(spine, draw_patient(spine, plain(), np.random.default_rng(3)), beam, np.random.default_rng(4))
        for beam in beams
    ]
    ap, lat = (np.median(view.soft_mm[48:80, 56:72]) for view in matter)
    assert 160.0 < ap < 300.0 and ap < lat < 420.0
    assert all(view.bone_mm.min() >= 0.0 for view in matter)


@pytest.mark.parametrize("kind", ["screws", "cages"])
def test_implants_sit_in_the_spine(spine, beams, kind):
    metals = draw_implants(kind, spine, Ellipsoids(512), np.random.default_rng(7))
    assert len(metals) == 1 and metals[0].as_bone > 5.0
    centres = np.array([vertebra.landmarks_mm[:2].mean(axis=0) for vertebra in spine.lumbar])
    distance = np.linalg.norm(metals[0].surface.vertices[:, None] - centres, axis=-1).min(axis=1)
    assert distance.max() < 75.0
    assert lengths_mm([metals[0].surface], beams[0])[0].max() > 3.0


def test_cement_and_plaques_become_dense(spine):
    calcium = Ellipsoids(512)
    assert draw_implants("cement", spine, calcium, np.random.default_rng(2)) == []
    assert len(calcium.weights) >= 3 and min(calcium.weights) > 0.0
    patient = draw_patient(spine, plain(aortic_calcification=12), np.random.default_rng(2))
    assert len(patient.calcium.weights) == 12
    l2 = vertebra_pose(spine.lumbar[1].landmarks_mm)
    plaques = np.array(patient.calcium.centres)
    assert ((plaques - l2[:3, 3]) @ np.array([1.0, 0.0, 0.0]) > 5.0).all()  # before the spine
