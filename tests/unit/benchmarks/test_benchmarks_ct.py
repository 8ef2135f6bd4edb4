"""Films of a CT: bone and soft tissue where they are, nothing of the vertebrae that are somebody else's."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from benchmarks.ct_body import FADE_MM, FILES, CtBody, read_body
from benchmarks.ct_film import real_part
from benchmarks.network_measure import ViewTruth
from benchmarks.voxel_film import cast
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.training.radiographs.spectrum import bone_share

PITCH_MM = np.array([3.0, 1.0, 1.0])
SHAPE = (25, 80, 160)
BONE, MUSCLE, FAT = 555.0, 55.0, -105.5
L3_LANDMARKS = np.array(
    [[0, 10, 20], [0, 10, -5], [-30, -20, 8], [30, -20, 8], [-12, -12, 12], [12, -12, 12], [0, -30, 0]]
)


def voxels(x_mm: tuple[float, float], y_mm: tuple[float, float], z_mm: tuple[float, float]) -> np.ndarray:
    """Which voxel centres lie in a box; the world's origin is voxel (12, 40, 60)."""
    places = [(np.arange(n) - at) * pitch for n, at, pitch in zip(SHAPE, (12, 40, 60), PITCH_MM, strict=True)]
    inside = [(place >= low) & (place <= high) for place, (low, high) in zip(places, (x_mm, y_mm, z_mm), strict=True)]
    return inside[0][:, None, None] & inside[1][None, :, None] & inside[2][None, None, :]


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> CtBody:
    """Boxes for T10 to L3, bone without a label above and below them, a slab of fat in front, air behind."""
    hounsfield = np.full(SHAPE, MUSCLE, dtype=np.float32)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    bodies = {22: (-5, 20), 21: (23, 38), 20: (40, 50), 19: (52, 62), 18: (64, 74), 17: (76, 86)}
    for label, z_mm in bodies.items():
        box = voxels((-15, 15), (-10, 20), z_mm)
        hounsfield[box], labels[box] = BONE, label
    hounsfield[voxels((-15, 15), (-10, 20), (-40, -10))] = BONE
    hounsfield[voxels((-15, 15), (-30, -14), (5, 12))] = BONE
    hounsfield[voxels((-15, 15), (-10, 20), (88, 98))] = BONE
    hounsfield[voxels((-99, 99), (25, 35), (-99, 99))] = FAT
    hounsfield[:, :3] = -1024.0
    affine = np.diag([*PITCH_MM, 1.0])
    affine[:3, 3] = -np.array([12, 40, 60]) * PITCH_MM
    folder = tmp_path_factory.mktemp("ct")
    for name, values in zip(FILES, (hounsfield, labels), strict=True):
        nibabel.save(nibabel.Nifti1Image(values, affine), folder / name)
    return read_body(folder, L3_LANDMARKS.astype(float), np.eye(4))


def beam_from_front(z_mm: float) -> ConeBeam:
    """Nine nearly parallel rays to posterior (-y) at one height."""
    rotation = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
    source = np.array([0.0, 1e4, z_mm])
    pose = frames.rigid(rotation, -rotation @ source)
    return ConeBeam(pose, np.full(2, 1e4), np.ones(2), np.ones(2), 3, 3)


def test_a_ray_through_l3_meets_as_much_bone_as_the_ct_has(body: CtBody) -> None:
    met = cast(body.bone, beam_from_front(15.0))
    assert np.allclose(met, 31.0 * bone_share(BONE), rtol=0.02)


@pytest.mark.parametrize("z_mm", [-25.0, 81.0, 93.0])
def test_vertebrae_of_the_ct_that_another_stands_for_are_taken_out(body: CtBody, z_mm: float) -> None:
    assert np.abs(cast(body.bone, beam_from_front(z_mm))).max() < 1e-6


def test_unlabelled_bone_behind_l3_is_taken_out_and_muscle_stays(body: CtBody) -> None:
    behind = voxels((-15, 15), (-30, -14), (5, 12))
    assert np.abs(body.bone.density[behind]).max() == 0.0 and np.abs(body.soft.density[behind]).max() == 0.0


def test_fat_takes_out_less_than_muscle_and_fades_at_the_border(body: CtBody) -> None:
    met = cast(body.soft, beam_from_front(15.0))
    full = 11.0 * (FAT - MUSCLE) / (1000.0 + MUSCLE)
    column = body.soft.density[12, 65:76, 75]
    assert full < met.min() and met.max() < 0.5 * full
    assert np.isclose(column[0], full / 11.0) and (np.diff(column) > -1e-7).all()
    assert np.isclose(column[-1], full / 11.0 * 5.0 / FADE_MM, rtol=0.01)


def test_places_of_t11_and_t12_are_told_from_l1(body: CtBody) -> None:
    assert np.allclose(body.above_l1_mm, [[0.0, 0.0, 24.0], [0.0, 0.0, 12.0]], atol=1e-6)


def test_only_what_the_ct_shows_is_measured() -> None:
    truth = ViewTruth(np.ones((5, 2, 2), dtype=np.float32), np.ones((5, 7, 2)), np.ones((5, 7)))
    part = real_part(truth)
    assert part.decomposition.shape == (3, 2, 2) and part.depths_mm.shape == (3, 7)
    assert np.argwhere(np.isnan(part.landmarks_px[..., 0])).tolist() == [[1, 2], [2, 2]]
    assert np.isfinite(truth.landmarks_px).all()
