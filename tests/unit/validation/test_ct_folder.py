"""A person's CT as meshes in every frame, or as masks."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import trimesh

from lumbar3d.errors import CalibrationError, CtError, InputError
from lumbar3d.validation.ct_folder import MeshFrame, read_ct
from lumbar3d.validation.films_folder import read_films


def lump() -> trimesh.Trimesh:
    """Longest in front of its middle: 30 mm forward, 20 back, 22 to each side."""
    sphere = trimesh.creation.icosphere(subdivisions=4)
    vertices = np.asarray(sphere.vertices) * [20.0, 22.0, 13.0]
    vertices[:, 0] *= np.where(vertices[:, 0] > 0, 1.5, 1.0)
    return trimesh.Trimesh(vertices, sphere.faces, process=False)


AXES: dict[MeshFrame, np.ndarray] = {
    "srs": np.eye(3),
    "lps": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "ras": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}


@pytest.mark.parametrize("frame", list(AXES))
def test_meshes_are_turned_to_our_axes(tmp_path: Path, frame: MeshFrame) -> None:
    mesh = lump()
    mesh.vertices = mesh.vertices @ AXES[frame].T
    mesh.export(tmp_path / "L3.stl")
    (surface,) = read_ct(tmp_path, frame).values()
    low, high = surface.vertices.min(axis=0), surface.vertices.max(axis=0)
    np.testing.assert_allclose([low, high], [[-20.0, -22.0, -13.0], [30.0, 22.0, 13.0]], atol=0.2)


def mask(path: Path, labels: tuple[int, ...]) -> None:
    """Blocks of 40 x 50 x 24 mm, one below the other, voxels of 2 mm, RAS."""
    volume = np.zeros((60, 60, 20 * len(labels) + 20), dtype=np.uint8)
    for row, label in enumerate(labels):
        top = volume.shape[2] - 10 - 20 * row
        volume[20:40, 20:45, top - 12 : top] = label
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([2.0, 2.0, 2.0, 1.0])), path)


def test_one_mask_holds_several_levels(tmp_path: Path) -> None:
    mask(tmp_path / "sub-7_seg-vert_msk.nii.gz", (19, 20, 21))
    found = read_ct(tmp_path / "sub-7_seg-vert_msk.nii.gz")
    assert list(found) == ["L1", "L2"]
    middle = {level: surface.vertices.mean(axis=0) for level, surface in found.items()}
    np.testing.assert_allclose(middle["L1"] - middle["L2"], [0.0, 0.0, 40.0], atol=0.5)
    np.testing.assert_allclose(np.ptp(found["L1"].vertices, axis=0), [50.0, 40.0, 24.0], atol=1.5)


def test_a_mask_of_one_level_is_named_by_its_file(tmp_path: Path) -> None:
    mask(tmp_path / "L4.nii.gz", (1,))
    assert list(read_ct(tmp_path)) == ["L4"]


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    mask(tmp_path / "L4.nii.gz", (1, 2))
    with pytest.raises(CtError, match="one label is expected"):
        read_ct(tmp_path)
    (tmp_path / "L4.nii.gz").rename(tmp_path / "other.nii.gz")
    with pytest.raises(CtError, match="no label of 20 to 24"):
        read_ct(tmp_path)
    (tmp_path / "more.nii.gz").write_bytes(b"nothing")
    with pytest.raises(CtError, match="neither files named"):
        read_ct(tmp_path)
    with pytest.raises(CtError, match="cannot be read as a NIfTI mask"):
        read_ct(tmp_path / "more.nii.gz")


def test_films_lie_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "ap.png").touch()
    with pytest.raises(InputError, match=r"lat\.\* is expected, there are 0"):
        read_films(tmp_path)
    (tmp_path / "lat.dcm").touch()
    with pytest.raises(CalibrationError, match=r"no calibration\.json"):
        read_films(tmp_path)
