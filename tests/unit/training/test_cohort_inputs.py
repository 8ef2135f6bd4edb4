"""Inputs of a cohort: meshes, masks, landmarks, and what is refused."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import trimesh

from lumbar3d.geometry import frames
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh, volume_mm3
from lumbar3d.training.cohort.errors import CohortError
from lumbar3d.training.cohort.landmarks import model_from_source, read_landmarks
from lumbar3d.training.cohort.prepare import check_on_surface
from lumbar3d.training.cohort.remesh import boundary_vertices, choose_reference, is_closed, remesh
from lumbar3d.training.cohort.surfaces import SRS_FROM_RAS, find_files, read_surface
from tests.unit.cohort_cases import LANDMARKS_MM, bumpy, bumpy_landmarks, entry, radius_mm, turned, unit, without

LABEL = 22


def export(mesh: TriangleMesh, path: Path) -> Path:
    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(path)
    return path


@pytest.mark.parametrize("suffix", ["ply", "stl", "obj"])
def test_mesh_files_are_read(tmp_path: Path, suffix: str) -> None:
    mesh = bumpy()
    found = read_surface(export(mesh, tmp_path / f"v.{suffix}"), LABEL)
    assert is_closed(found)
    assert volume_mm3(found.vertices, found.faces) == pytest.approx(volume_mm3(mesh.vertices, mesh.faces), rel=1e-3)


def test_inside_out_mesh_is_turned_and_crumbs_are_left_out(tmp_path: Path) -> None:
    mesh = trimesh.Trimesh(bumpy().vertices, bumpy().faces[:, ::-1], process=False)
    crumb = trimesh.creation.icosphere(radius=2.0).apply_translation([60.0, 0.0, 0.0])
    (mesh + crumb).export(tmp_path / "v.ply")
    found = read_surface(tmp_path / "v.ply", LABEL)
    assert len(found.vertices) == len(mesh.vertices)
    assert volume_mm3(found.vertices, found.faces) > 0


def test_mask_gives_the_surface_in_our_axes(tmp_path: Path) -> None:
    """An oblique scan of 0.9 mm voxels, stored head first and left to right."""
    mesh = bumpy(5)
    srs_from_voxel = turned(20.0, 150.0)
    srs_from_voxel[:3, :3] = turned(20.0, 0.0)[:3, :3] @ np.array([[0, 0.9, 0], [-0.9, 0, 0], [0, 0, -0.9]])
    model_from_voxel = frames.invert(turned(20.0, 150.0)) @ srs_from_voxel
    corners = frames.apply(np.linalg.inv(model_from_voxel), mesh.vertices)
    low, shape = np.floor(corners.min(axis=0)) - 6, np.ceil(np.ptp(corners, axis=0)).astype(int) + 12
    place = frames.apply(model_from_voxel, np.moveaxis(np.indices(shape), 0, -1) + low)
    inside = np.linalg.norm(place, axis=-1) < radius_mm(unit(place))
    affine = np.linalg.inv(SRS_FROM_RAS) @ srs_from_voxel
    affine[:3, 3] += affine[:3, :3] @ low
    path = tmp_path / "mask.nii.gz"
    nibabel.save(nibabel.Nifti1Image((LABEL * inside).astype(np.uint8), affine), path)
    found = read_surface(path, LABEL)
    truth = TriangleMesh(frames.apply(turned(20.0, 150.0), mesh.vertices), mesh.faces)
    assert is_closed(found) and volume_mm3(found.vertices, found.faces) > 0
    assert vertex_to_surface_mm(found.vertices, truth).mean() < 0.25


def test_a_voxel_on_the_origin_has_a_radius_too() -> None:
    """Where it lies to the last bit depends on the processor's BLAS kernels."""
    places = np.array([[0.0, 0.0, 0.0], [1e-14, 0.0, 0.0], [3.0, 0.0, 4.0]])
    np.testing.assert_allclose(np.linalg.norm(unit(places), axis=-1), 1.0)
    assert (radius_mm(unit(places)) > 10.0).all()


def test_mask_that_reaches_the_edge_of_the_scan_stays_open(tmp_path: Path) -> None:
    inside = np.zeros((60, 60, 60), dtype=np.uint8)
    inside[0:45, 10:50, 10:50] = LABEL
    nibabel.save(nibabel.Nifti1Image(inside, np.eye(4)), tmp_path / "mask.nii")
    found = read_surface(tmp_path / "mask.nii", LABEL)
    open_edge = found.vertices[boundary_vertices(found)]
    assert len(open_edge) > 50
    # Scanner x is to the right, ours y to the left: the scan's first slice is at y = 0.
    np.testing.assert_allclose(open_edge[:, 1], 0.0, atol=1e-5)


def test_flat_cap_where_the_scan_ended_is_opened(tmp_path: Path) -> None:
    mesh = bumpy(5)
    points = mesh.vertices.copy()
    points[:, 0] = np.minimum(points[:, 0], 10.0)
    found = read_surface(export(TriangleMesh(points, mesh.faces), tmp_path / "v.ply"), LABEL)
    edge = found.vertices[boundary_vertices(found)]
    assert len(edge) and not is_closed(found)
    np.testing.assert_allclose(edge[:, 0], 10.0, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text("solid nothing"), "v.stl"),
        (lambda path: trimesh.creation.icosphere(subdivisions=4, radius=0.03).export(path), "in mm"),
        (lambda path: trimesh.creation.box((40, 40, 40)).export(path), "too few vertices"),
    ],
)
def test_unusable_mesh_is_refused_by_name(tmp_path: Path, make, says: str) -> None:
    path = tmp_path / "v.stl"
    make(path)
    with pytest.raises(CohortError, match=says):
        read_surface(path, LABEL)


def test_unusable_masks_and_folders_are_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 5, 5), np.uint8), np.eye(4)), tmp_path / "empty.nii")
    with pytest.raises(CohortError, match="no voxel has the label 22"):
        read_surface(tmp_path / "empty.nii", LABEL)
    (tmp_path / "broken.nii.gz").write_bytes(b"not a scan")
    with pytest.raises(CohortError, match=r"broken.nii.gz cannot be read"):
        read_surface(tmp_path / "broken.nii.gz", LABEL)
    (tmp_path / "none").mkdir()
    with pytest.raises(CohortError, match=r"no \.ply"):
        find_files(tmp_path / "none")


def test_landmark_frame_is_the_vertebra_s_own() -> None:
    pose = turned(70.0, 400.0)
    found = model_from_source("v", frames.apply(pose, LANDMARKS_MM))
    np.testing.assert_allclose(found @ pose, np.eye(4), atol=1e-9)


def test_landmarks_with_swapped_sides_or_in_metres_are_refused() -> None:
    with pytest.raises(CohortError, match="swapped"):
        model_from_source("v", LANDMARKS_MM[[0, 1, 3, 2, 5, 4, 6]])
    with pytest.raises(CohortError, match="in mm"):
        model_from_source("v", LANDMARKS_MM / 1000)


def test_landmark_file(tmp_path: Path) -> None:
    points = LANDMARKS_MM.copy()
    points[6] = np.nan
    path = tmp_path / "landmarks.json"
    path.write_text(json.dumps({"a.ply": entry(points)}))
    np.testing.assert_array_equal(read_landmarks(path)["a.ply"], points)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sp_tip": [1.0, 2.0]}, "sp_tip is not three numbers"),
        ({"sup_endplate_centre": None}, "sup_endplate_centre is not three numbers"),
        ({"pedicle_left": [1.0, 2.0, float("nan")]}, "pedicle_left is not three numbers"),
        ({"nose": [1.0, 2.0, 3.0]}, "must be exactly"),
    ],
)
def test_bad_landmarks_are_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "landmarks.json"
    path.write_text(json.dumps({"a.ply": entry(LANDMARKS_MM) | change}))
    with pytest.raises(CohortError, match=f"a.ply: .*{says}"):
        read_landmarks(path)


def test_landmark_file_that_is_not_json(tmp_path: Path) -> None:
    path = tmp_path / "landmarks.json"
    path.write_text("x")
    with pytest.raises(CohortError, match="not JSON"):
        read_landmarks(path)
    path.write_text("[]")
    with pytest.raises(CohortError, match="one object"):
        read_landmarks(path)


def test_remeshing_is_denser_where_the_surface_bends() -> None:
    mesh = bumpy(6)
    found = remesh(mesh)
    area = trimesh.Trimesh(mesh.vertices, mesh.faces).area
    assert len(found.vertices) == pytest.approx(area / 1.5, rel=0.05)
    assert is_closed(found)
    assert vertex_to_surface_mm(found.vertices, mesh).mean() < 0.05
    # The dorsal process ends in a radius of some 5 mm, the front of the body in 20.
    distance = np.linalg.norm(
        found.vertices[found.faces].mean(axis=1)[:, None]
        - [mesh.vertices[np.argmin(mesh.vertices[:, 0])], mesh.vertices[np.argmax(mesh.vertices[:, 0])]],
        axis=2,
    )
    areas = trimesh.Trimesh(found.vertices, found.faces, process=False).area_faces
    tip, front = (areas[near].mean() for near in (distance < 8.0).T)
    assert tip < 0.6 * front


def test_coarse_and_open_meshes_are_remeshed_too() -> None:
    mesh = bumpy(3)
    gone = mesh.vertices[:, 0] < -35.0
    found = remesh(without(mesh, gone))
    assert len(found.vertices) > 3 * len(mesh.vertices)
    assert boundary_vertices(found).any() and not is_closed(found)


def test_reference_is_closed_and_nearest_ten_thousand() -> None:
    assert choose_reference([9_000, 10_001, 10_400], [True, False, True]) == 2
    with pytest.raises(CohortError, match="closed"):
        choose_reference([9_000], [False])


def test_landmarks_of_another_scan_or_other_axes_are_refused() -> None:
    mesh = bumpy()
    points = bumpy_landmarks(mesh)
    check_on_surface("v.ply", points, mesh)
    with pytest.raises(CohortError, match=r"sp_tip lies .*LPS"):
        check_on_surface("v.ply", points * [-1.0, -1.0, 1.0], mesh)
