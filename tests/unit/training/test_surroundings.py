"""Surroundings drawn apart from the vertebrae: what is drawn, and that the truth moves with it."""

import numpy as np
import pytest

from lumbar3d.detection.decode import MARKS
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import TriangleMesh, volume_mm3
from lumbar3d.training.radiographs.fields import shrink
from lumbar3d.training.radiographs.simulate import MEASURING, Simulator
from lumbar3d.training.surroundings.bones import BARE_SHARE, CHESTS, PELVES
from lumbar3d.training.surroundings.components import Maker
from lumbar3d.training.surroundings.library import (
    HELD_OUT_PELVIS,
    HELD_OUT_TRUNK,
    TRAINING_PELVES,
    TRAINING_TRUNKS,
    Library,
)
from lumbar3d.training.surroundings.mixer import WHOLE_SPINE, Mixer
from lumbar3d.training.surroundings.multiscale import multiscale
from lumbar3d.training.surroundings.noise import Noise, about, cellular, warp
from lumbar3d.training.surroundings.pelves import Pelvis, draw_pelvis
from lumbar3d.training.surroundings.soft_tissue import KINDS
from lumbar3d.training.surroundings.trunks import CtTrunk, bend
from tests.shipped import shipped_models

SPINE_MM = np.array([[-25.0, 3.0, 122.0], [-20, 2, 95], [-14, 1, 64], [-6, 0, 32], [0, 0, 0], [4, 0, -34], [2, 1, -69]])
SPINE_MM = np.vstack([SPINE_MM, [-8.0, 1.0, -92.0]])


def trunk() -> CtTrunk:
    """A block of tissue with a straight rod of bone where the spine would be, and a pocket of gas."""
    matter = np.zeros((60, 60, 90, 2), dtype=np.float32)
    matter[10:50, 5:55, :, 0] = 1.0
    matter[28:32, 28:32, :, 1] = 0.5
    pocket = np.ravel_multi_index(np.mgrid[40:44, 28:32, 40:44].reshape(3, -1), (60, 60, 90))
    matter.reshape(-1, 2)[pocket, 0] = 0.0
    heights = np.array([120.0, 92.0, 60.0, 30.0, 0.0, -32.0, -64.0, -88.0])
    spine = np.column_stack([np.zeros(8), np.zeros(8), heights])
    return CtTrunk("block", matter, (pocket,), np.array([-118.0, -118.0, -180.0]), 4.0, spine)


def beam(towards: np.ndarray) -> ConeBeam:
    """1400 mm from source to detector, 1100 mm to the origin, 256 pixels of 1.668 mm."""
    down = np.array([0.0, 0.0, -1.0])
    rotation = np.stack([np.cross(down, -towards), down, -towards])
    camera = frames.rigid(rotation, -rotation @ (1100.0 * towards))
    return ConeBeam(camera, np.full(2, 1400 / 1.668), np.full(2, 127.5), np.full(2, 1.668), 256, 256)


def test_a_bent_trunk_follows_the_spine() -> None:
    bent = bend(trunk(), SPINE_MM, np.random.default_rng(0))
    for towards in (np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])):
        view = beam(towards)
        shown = bent.lengths_mm(view)
        pixels = view.project(SPINE_MM)[0]
        for part, row in (("above", 1), ("between", 4)):
            line = shown[part][round(float(pixels[row, 1]))]
            place = (line * np.arange(256)).sum() / line.sum()
            assert abs(place - pixels[row, 0]) < 3.0
        assert shown["below"][round(float(pixels[-1, 1])) + 12].max() > 0.0
        assert shown["above"][round(float(pixels[3, 1])) :].max() == 0.0


def test_gas_is_filled_in_some_and_t10_lies_above_t11() -> None:
    filled = [bend(trunk(), SPINE_MM, np.random.default_rng(seed)) for seed in range(12)]
    values = {float(one.matter.reshape(-1, 2)[one.trunk.gas[0][0], 0]) for one in filled}
    assert 0.0 in values and max(values) > 0.9
    assert trunk().matter.reshape(-1, 2)[filled[0].trunk.gas[0][0], 0] == 0.0
    assert all(one.t10_world_mm()[2] > SPINE_MM[0, 2] + 15.0 for one in filled)


def pelves() -> tuple[Pelvis, ...]:
    """Two people whose bones are boxes of different size."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    faces = np.array(
        [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4]]
        + [[1, 5, 7], [1, 7, 3]],
        dtype=np.int32,
    )
    names = ("sacrum", "coccyx", "hip_left", "hip_right", "femur_left", "femur_right")
    return tuple(
        Pelvis(
            f"person {size}", {name: size * corners + [0.0, 0.0, -size] for name in names}, dict.fromkeys(names, faces)
        )
        for size in (20.0, 30.0)
    )


def test_pelves_between_people_are_closed_and_outside_out() -> None:
    rng = np.random.default_rng(1)
    for _ in range(8):
        sacral, hips = draw_pelvis(pelves(), np.eye(4), rng)
        for bone in (sacral, hips):
            outer, inner = (volume_mm3(surface.vertices, surface.faces) for surface in (bone.outer, bone.inner))
            assert outer > inner > 0.0


def test_nobody_kept_out_is_learned_from() -> None:
    assert HELD_OUT_TRUNK not in TRAINING_TRUNKS and HELD_OUT_PELVIS not in TRAINING_PELVES
    assert not {"vhm", "vhm-remus"} & set(TRAINING_PELVES)
    for shares in (CHESTS, PELVES, KINDS):
        assert sum(shares.values()) == pytest.approx(1.0)


def test_noise_is_of_unit_variance_and_never_twice_the_same() -> None:
    noise = Noise(64, np.random.default_rng(2))
    for kind in ("slow", "pink", "fine", "blob"):
        one, two = noise(kind), noise(kind)
        assert one.shape == (64, 64) and 0.5 < one.std() < 1.6
        assert not np.allclose(one, two)


def test_cells_are_dark_inside_and_bright_at_their_walls() -> None:
    cells = cellular(64, 12.0, np.random.default_rng(3))
    assert cells.min() < 0.2 and cells.max() > 0.95


def test_points_go_with_the_picture() -> None:
    picture = np.zeros((1, 64, 64), dtype=np.float32)
    picture[0, 20:23, 40:43] = 1.0
    where = about(np.array([31.5, 31.5]), 1.3, 0.2, np.array([4.0, -6.0]))
    moved = warp(picture, where)[0]
    v, u = np.mgrid[:64, :64]
    found = np.array([(moved * v).sum(), (moved * u).sum()]) / moved.sum()
    linear, offset = where[:, :2], where[:, 2]
    expected = np.linalg.inv(linear) @ (np.array([21.0, 41.0]) - offset)
    assert np.allclose(found, expected, atol=0.3)


def test_multiscale_keeps_order_within_the_film() -> None:
    ramp = np.tile(np.linspace(0.0, 1.0, 64, dtype=np.float32), (64, 1))
    out = multiscale(ramp, np.random.default_rng(4))
    assert out.min() >= 0.0 and out.max() <= 1.0
    assert np.corrcoef(out.mean(axis=0), ramp[0])[0, 1] > 0.9


@pytest.fixture(scope="module")
def mixer() -> Mixer:
    """Two people, invented surroundings."""
    made = Mixer(Maker(Simulator(shipped_models(), MEASURING), Library()), 5, WHOLE_SPINE)
    for seed in (10_000_950, 10_000_951):
        made.lend(seed)
    return made


def test_films_have_the_truth_in_the_right_place(mixer: Mixer) -> None:
    kinds = set()
    for parts in [part for lent in mixer._lent.values() for part in lent]:
        for _ in range(4):
            film = mixer.film(parts)
            kinds.add(film.kinds["soft"])
            assert film.pixels.shape == (256, 256) and 0.0 <= film.pixels.min() <= film.pixels.max() <= 1.0
            assert film.opacity.shape == (5, 256, 256) and film.marks_px.shape == (len(MARKS), 2)
            for level in np.flatnonzero(film.visible):
                u, v = np.rint(film.landmarks_px[level, :2].mean(axis=0)).astype(int)
                assert film.opacity[level, v, u] > 0.1
            assert set(np.unique(film.marks_known)) <= {-1.0, 0.0, 1.0}
            t12, t11 = (film.marks_px[MARKS.index(name)] for name in ("T12", "T11"))
            assert t11[1] < t12[1] < film.landmarks_px[0, 0, 1]
    assert len(kinds) > 2 and not kinds & {"trunk", "blended"}


def test_the_same_seed_gives_the_same_film() -> None:
    maker = Maker(Simulator(shipped_models(), MEASURING), Library())
    one, two = (Mixer(maker, 8), Mixer(maker, 8))
    first, second = (m.film(m.lend(10_000_960)[0]) for m in (one, two))
    assert np.array_equal(first.pixels, second.pixels)


def test_a_fitted_guide_is_nearly_the_vertebra() -> None:
    pytest.importorskip("torch")
    from lumbar3d.training.network import refiner_samples

    mixer = Mixer(Maker(Simulator(shipped_models(), MEASURING), Library(), step=1), 5, WHOLE_SPINE)
    film = mixer.film(mixer.lend(10_000_950)[1])
    guide, landmarks_px = refiner_samples.fitted_guide(film, np.random.default_rng(2))
    true = shrink(film.opacity, 2)
    assert landmarks_px is film.landmarks_px and guide.shape == true.shape
    for level in np.flatnonzero(film.visible):
        drawn, exact = guide[level] > 0.25, true[level] > 0.25
        overlap = 2 * (drawn & exact).sum() / (drawn.sum() + exact.sum())
        assert 0.75 < overlap < 0.999
        assert 0.8 < drawn.sum() / exact.sum() < 1.25


def test_films_with_nothing_to_count_by_ask_for_no_name(mixer: Mixer) -> None:
    parts = mixer._lent["ap"][0]
    named = [mixer._bones.draw(parts, parts) for _ in range(400)]
    nameless = [drawn for drawn in named if not drawn.named]
    assert 0 < len(nameless) < 400 * (BARE_SHARE + 0.03)
    assert all(drawn.kinds["pelvis"] == "none" and drawn.known[MARKS.index("S1")] == 0.0 for drawn in nameless)


def test_boxes_are_what_they_say() -> None:
    mesh = TriangleMesh(pelves()[0].vertices["sacrum"], pelves()[0].faces["sacrum"])
    assert volume_mm3(mesh.vertices, mesh.faces) == pytest.approx(40.0**3)
