"""Bones of training films: edges from sharp to soft, and forms that no model holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.training.radiographs.cortex_profile import CortexProfile, draw_cortex_profile
from lumbar3d.training.radiographs.habitus import draw_habitus
from lumbar3d.training.radiographs.patient import lengths_mm, vertebrae
from lumbar3d.training.radiographs.room import draw_room
from lumbar3d.training.radiographs.spine import SpineSampler
from lumbar3d.training.surroundings.individual import RMS_MM, draw_forms, individual
from tests.shipped import shipped_models

USUAL = CortexProfile((1.0,), (1.0,), local=True)


@pytest.fixture(scope="module")
def spine():
    return SpineSampler(shipped_models()).draw(np.random.default_rng(5))


@pytest.fixture(scope="module")
def beam():
    return draw_room(np.random.default_rng(1))[1].downsampled(2)


@pytest.fixture(scope="module")
def habitus():
    return replace(draw_habitus(50.0, False, np.random.default_rng(0)), grain=0.0)


def bone(profile, spine, beam, habitus):
    """L3 alone."""
    alone = spine.lumbar[2:3]
    outer = lengths_mm([alone[0].mesh], beam)[0]
    return outer, profile.bone_mm(alone, outer, habitus, beam, np.random.default_rng(0))


def test_the_usual_shell_is_the_measuring_simulators(spine, beam, habitus):
    outer = lengths_mm([vertebra.mesh for vertebra in spine.lumbar], beam).sum(axis=0)
    film = vertebrae(replace(spine, thoracic=spine.thoracic[:1]), outer, habitus, beam, np.random.default_rng(0))
    everyone = (*spine.lumbar, spine.thoracic[0])
    whole = outer + lengths_mm([spine.thoracic[0].mesh], beam)[0]
    found = USUAL.bone_mm(everyone, whole, habitus, beam, np.random.default_rng(0))
    assert np.allclose(found, film, atol=1e-3)


def test_a_soft_edge_holds_its_bone_deeper(spine, beam, habitus):
    soft = CortexProfile((0.5, 1.0, 2.0), (0.1, 0.6, 0.3), local=False)
    outer, sharp_mm = bone(USUAL, spine, beam, habitus)
    _, soft_mm = bone(soft, spine, beam, habitus)
    thin = (outer > 0.2) & (outer < 4.0)
    assert soft_mm[thin].mean() < 0.6 * sharp_mm[thin].mean()
    assert soft_mm[outer == 0.0].max() == 0.0
    assert 0.7 < soft_mm.sum() / sharp_mm.sum() < 1.4


def test_every_profile_lies_within_the_bone(spine, beam, habitus):
    profiles = [draw_cortex_profile(np.random.default_rng(seed)) for seed in range(8)]
    assert {profile.local for profile in profiles} == {True, False}
    usual = bone(USUAL, spine, beam, habitus)[1].sum()
    for profile in profiles:
        outer, drawn = bone(profile, spine, beam, habitus)
        assert (drawn[outer <= 0.0] == 0.0).all()
        assert (drawn <= 1.6 * outer + 1e-3).all()
        assert 0.5 < drawn.sum() / usual < 2.0


def test_trabeculae_show_in_the_marrow(spine, beam, habitus):
    outer, plain = bone(USUAL, spine, beam, habitus)
    grainy = bone(USUAL, spine, beam, replace(habitus, grain=0.1))[1]
    assert np.abs(grainy - plain)[outer > 25.0].mean() > 0.2
    assert np.abs(grainy - plain).mean() > np.abs(grainy.mean() - plain.mean()) * 10


def test_vertebrae_get_a_form_of_their_own_and_landmarks_go_along(spine):
    moved = [individual(spine, draw_forms(spine, np.random.default_rng(seed))) for seed in range(12)]
    plain = [one for one in moved if one is spine]
    assert 0 < len(plain) < len(moved)
    for one in moved:
        for before, after in zip(spine.lumbar, one.lumbar, strict=True):
            step = after.mesh.vertices - before.mesh.vertices
            rms = np.sqrt((step**2).sum(axis=1).mean())
            assert one is spine or RMS_MM[0] - 1e-9 < rms < RMS_MM[1] + 1e-9
            nearest = np.linalg.norm(before.mesh.vertices[:, None] - before.landmarks_mm, axis=-1).argmin(axis=0)
            carried = after.landmarks_mm - before.landmarks_mm
            assert np.linalg.norm(carried - step[nearest], axis=1).max() < 1.2
            assert np.linalg.norm((after.inner.vertices - before.inner.vertices) - step, axis=1).max() < 1.5


def test_the_same_seed_gives_the_same_bone(spine):
    one, other = (individual(spine, draw_forms(spine, np.random.default_rng(3))) for _ in range(2))
    assert np.array_equal(one.lumbar[4].mesh.vertices, other.lumbar[4].mesh.vertices)
    assert draw_cortex_profile(np.random.default_rng(4)) == draw_cortex_profile(np.random.default_rng(4))
