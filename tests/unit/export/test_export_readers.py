"""Every exported file, opened by a program that is not ours: what it finds is what was fitted."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import nibabel
import numpy as np
import pygltflib
import pytest
import trimesh
from fhir.resources.R4B.bundle import Bundle
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOGeometry import vtkOBJReader, vtkSTLReader
from vtkmodules.vtkIOPLY import vtkPLYReader
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from lumbar3d import artifacts
from lumbar3d.anatomy import LANDMARKS, LEVELS
from lumbar3d.artifacts import FORMATS, Artifact
from lumbar3d.contracts import (
    FRAMES,
    Calibration,
    FrameName,
    LandmarkResult,
    LevelQuality,
    LevelResult,
    Measurement,
    Norm,
    ReconstructionResult,
)
from lumbar3d.export.conversions import convert, stored_files
from lumbar3d.export.file_frames import in_frame
from lumbar3d.export.label_volume import nifti
from lumbar3d.export.meshes import DARKEST_MM, shades, write_meshes
from lumbar3d.export.palette import COLOURS
from lumbar3d.export.surface import Surface
from lumbar3d.shape.mesh import TriangleMesh, volume_mm3
from tests.conftest import calibration_document

IDENTITY = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def lopsided(row: int) -> Surface:
    """A closed surface that no axis may be taken for another of, with a made-up error that differs by vertex."""
    sphere = trimesh.creation.icosphere(subdivisions=3)
    points = np.asarray(sphere.vertices) * (9.0 + row, 14.0, 6.0) + (4.0, -7.0 * row, 70.0 - 33.0 * row)
    mesh = TriangleMesh(points.astype(np.float32).astype(float), np.asarray(sphere.faces, dtype=np.int32))
    return Surface(LEVELS[row], mesh, np.linspace(0.2, 3.5, len(points)))


@pytest.fixture(scope="module")
def surfaces() -> list[Surface]:
    return [lopsided(row) for row in range(len(LEVELS))]


@pytest.fixture(scope="module")
def folder(surfaces: list[Surface], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a job stores."""
    path = tmp_path_factory.mktemp("job")
    write_meshes(surfaces, path)
    (path / "result.json").write_text(result().model_dump_json())
    return path


def result() -> ReconstructionResult:
    unseen = float("nan")  # no landmark of the level was found in both films
    quality = LevelQuality(
        image_residual=0.1, ray_residual_mm=unseen, overlap_dice=0.9, surface_sigma_mm=0.7, flag="ok"
    )
    levels = [
        LevelResult(
            level=level,
            world_from_model=IDENTITY,
            coefficients_sd=(),
            landmarks=tuple(
                LandmarkResult(name=name, model_mm=(10.0 + row, 2.0 * number, -3.0))
                for number, name in enumerate(LANDMARKS)
            ),
            quality=quality,
        )
        for row, level in enumerate(LEVELS)
    ]
    height = Measurement(
        code="body_height_anterior",
        name="Anterior height",
        target="L3",
        value=27.123456789,
        unit="mm",
        sigma=0.4,
        norm=Norm(mean=27.6, sd=1.9, source='a "table", quoted'),
        definition="from rim to rim",
    )
    doubtful = height.model_copy(
        update={
            "code": "cobb_coronal",
            "target": "L1-L5",
            "unit": "deg",
            "sigma": None,
            "norm": None,
            "flag": "low_confidence",
        }
    )
    return ReconstructionResult(
        software="lumbar3d 0",
        method="gauss_newton",
        levels=tuple(levels),
        measurements=(height, doubtful),
        quality="review",
        timings_s={},
        assets=(),
        versions={},
        calibration=Calibration.model_validate(calibration_document()),
    )


def made(artifact: Artifact, folder: Path, frame: FrameName = "srs", name: str = "") -> Path:
    """The file that the service and the library would make."""
    sources = [(folder / file).read_bytes() for file in stored_files(artifact, name)]
    path = folder / f"{frame}-{name or artifact.file}"
    path.write_bytes(convert(artifact, sources, frame))
    return path


def read_by_vtk(reader: object, path: Path) -> object:
    reader.SetFileName(str(path))
    reader.Update()
    assert reader.GetErrorCode() == 0
    return reader.GetOutput()


def points_of(polydata: object) -> NDArray[np.float32]:
    return vtk_to_numpy(polydata.GetPoints().GetData())


def all_points(surfaces: list[Surface], frame: FrameName) -> NDArray[np.float64]:
    return in_frame(np.concatenate([surface.mesh.vertices for surface in surfaces]), frame)


def test_lps_is_left_posterior_up() -> None:
    anterior, left, up = np.eye(3)
    np.testing.assert_array_equal(in_frame(np.array([anterior, left, up]), "lps"), [[0, -1, 0], [1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("frame", FRAMES)
def test_stl_by_vtk(surfaces: list[Surface], folder: Path, frame: FrameName) -> None:
    path = made(artifacts.MESH, folder, frame, name="L3.stl")
    found = read_by_vtk(vtkSTLReader(), path)
    mesh = surfaces[2].mesh
    expected = in_frame(mesh.vertices, frame)
    assert found.GetNumberOfPolys() == len(mesh.faces)
    np.testing.assert_allclose(
        np.array(found.GetBounds()).reshape(3, 2).T, [expected.min(0), expected.max(0)], atol=1e-4
    )
    header = path.read_bytes()[:80].decode()
    assert "unit=mm" in header and ("SPACE=LPS" in header) == (frame == "lps") and not header.startswith("solid")


@pytest.mark.parametrize("frame", FRAMES)
def test_stl_keeps_inside_and_outside_in_every_frame(surfaces: list[Surface], folder: Path, frame: FrameName) -> None:
    read = trimesh.load_mesh(made(artifacts.MESH, folder, frame, name="L2.stl"))
    mesh = surfaces[1].mesh
    assert read.is_watertight and read.volume == pytest.approx(volume_mm3(mesh.vertices, mesh.faces), rel=1e-5)
    stored = np.frombuffer(
        (folder / f"{frame}-L2.stl").read_bytes()[84:], np.dtype([("n", "<f4", 3), ("rest", "u1", 38)])
    )
    cosines = np.einsum("fi,fi->f", stored["n"], read.face_normals)
    assert cosines.min() > 0.999


def test_zip_of_lps_holds_the_lps_files(folder: Path) -> None:
    path = made(artifacts.MESHES, folder, "lps", name="meshes.zip")
    with zipfile.ZipFile(path) as archive:
        for level in LEVELS:
            assert archive.read(f"{level}.stl") == made(artifacts.MESH, folder, "lps", name=f"{level}.stl").read_bytes()


def test_stored_stl_is_the_srs_one(folder: Path) -> None:
    assert made(artifacts.MESH, folder, "srs", name="L1.stl").read_bytes() == (folder / "L1.stl").read_bytes()


@pytest.mark.parametrize("frame", FRAMES)
def test_ply_by_vtk_and_trimesh(surfaces: list[Surface], folder: Path, frame: FrameName) -> None:
    path = made(artifacts.PLY, folder, frame)
    found = read_by_vtk(vtkPLYReader(), path)
    expected = all_points(surfaces, frame)
    np.testing.assert_allclose(points_of(found), expected, atol=1e-5)
    assert found.GetNumberOfPolys() == sum(len(surface.mesh.faces) for surface in surfaces)
    other = trimesh.load_mesh(path, process=False)
    data = other.metadata["_ply_raw"]["vertex"]["data"]
    np.testing.assert_allclose(data["standard_error_mm"], np.concatenate([s.sigma_mm for s in surfaces]), rtol=1e-6)
    assert tuple(other.visual.vertex_colors[-1][:3]) == COLOURS["L5"]
    assert set(data["label"]) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("frame", FRAMES)
def test_vtp_by_vtk(surfaces: list[Surface], folder: Path, frame: FrameName) -> None:
    found = read_by_vtk(vtkXMLPolyDataReader(), made(artifacts.VTP, folder, frame))
    np.testing.assert_allclose(points_of(found), all_points(surfaces, frame), atol=1e-5)
    sigma = vtk_to_numpy(found.GetPointData().GetArray("standard_error_mm"))
    np.testing.assert_allclose(sigma, np.concatenate([s.sigma_mm for s in surfaces]), rtol=1e-6)
    faces = vtk_to_numpy(found.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    np.testing.assert_array_equal(faces[: len(surfaces[0].mesh.faces)], surfaces[0].mesh.faces)
    label = vtk_to_numpy(found.GetCellData().GetArray("label"))
    np.testing.assert_array_equal(label, vtk_to_numpy(found.GetPointData().GetArray("label"))[faces[:, 0]])
    assert found.GetFieldData().GetAbstractArray("SPACE").GetValue(0) == frame.upper()


@pytest.mark.parametrize("frame", FRAMES)
def test_obj_by_vtk_and_trimesh(surfaces: list[Surface], folder: Path, frame: FrameName) -> None:
    path = made(artifacts.OBJ, folder, frame)
    np.testing.assert_allclose(points_of(read_by_vtk(vtkOBJReader(), path)), all_points(surfaces, frame), atol=1e-5)
    scene = trimesh.load_scene(path, split_objects=True, group_material=False)
    assert set(scene.geometry) == set(LEVELS)
    for surface in surfaces:
        assert scene.geometry[surface.level].volume == pytest.approx(
            volume_mm3(surface.mesh.vertices, surface.mesh.faces), rel=1e-4
        )


def test_glb_is_in_metres_with_y_up(surfaces: list[Surface], folder: Path) -> None:
    found = trimesh.load_scene(folder / "spine.glb")
    world = all_points(surfaces, "srs")
    expected = world[:, [1, 2, 0]] / 1000.0  # left, up, to the front
    np.testing.assert_allclose(found.bounds, [expected.min(0), expected.max(0)], atol=1e-7)
    np.testing.assert_allclose(found.extents, [0.056, 0.144, 0.026], atol=1e-4)


def test_glb_by_pygltflib(surfaces: list[Surface], folder: Path) -> None:
    found = pygltflib.GLTF2().load(str(folder / "spine.glb"))
    nodes = {node.name: node for node in found.nodes if node.mesh is not None}
    assert set(nodes) == set(LEVELS)
    for surface in surfaces:
        (part,) = found.meshes[nodes[surface.level].mesh].primitives
        colour = found.materials[part.material].pbrMetallicRoughness.baseColorFactor
        np.testing.assert_allclose(colour[:3], np.array(COLOURS[surface.level]) / 255, atol=1e-6)
        sigma = accessor(found, part.attributes._STANDARD_ERROR_MM, np.float32, 1)[:, 0]
        np.testing.assert_allclose(sigma, surface.sigma_mm, rtol=1e-6)
        np.testing.assert_array_equal(accessor(found, part.attributes.COLOR_0, np.uint8, 4), shades(sigma))
        np.testing.assert_array_equal(accessor(found, part.attributes.POSITION, np.float32, 3), surface.mesh.vertices)


def accessor(gltf: pygltflib.GLTF2, index: int, kind: type, columns: int) -> NDArray[np.generic]:
    found = gltf.accessors[index]
    view = gltf.bufferViews[found.bufferView]
    start = (view.byteOffset or 0) + (found.byteOffset or 0)
    return np.frombuffer(gltf.binary_blob(), kind, found.count * columns, start).reshape(-1, columns)


def test_darker_means_less_certain() -> None:
    grey = shades(np.array([0.0, 1.0, DARKEST_MM, 2 * DARKEST_MM]))[:, 0].astype(int)
    assert grey[0] == 255 and grey[0] > grey[1] > grey[2] == grey[3] > 0


def test_a_scene_without_errors_gives_files_without(surfaces: list[Surface], tmp_path: Path) -> None:
    write_meshes([Surface(surface.level, surface.mesh) for surface in surfaces], tmp_path)
    found = read_by_vtk(vtkXMLPolyDataReader(), made(artifacts.VTP, tmp_path))
    assert np.isnan(vtk_to_numpy(found.GetPointData().GetArray("standard_error_mm"))).all()


def test_label_volume_by_nibabel(surfaces: list[Surface], folder: Path) -> None:
    found = nibabel.load(made(artifacts.LABELS, folder))
    assert nibabel.aff2axcodes(found.affine) == ("R", "A", "S")
    assert found.header.get_xyzt_units()[0] == "mm" and found.header.get_zooms() == (1.0, 1.0, 1.0)
    labels = np.asarray(found.dataobj)
    for label, surface in enumerate(surfaces, start=1):
        voxels = np.argwhere(labels == label)
        volume = volume_mm3(surface.mesh.vertices, surface.mesh.faces)
        assert len(voxels) == pytest.approx(volume, rel=0.02)
        right, anterior, up = nibabel.affines.apply_affine(found.affine, voxels).mean(axis=0)
        np.testing.assert_allclose([anterior, -right, up], surface.mesh.vertices.mean(axis=0), atol=0.2)


def test_label_volume_is_watertight_where_vertices_lie_on_the_grid() -> None:
    """Edges and corners right on the lines that are counted: no streak, no hole."""
    box = trimesh.creation.box(extents=(6.0, 8.0, 4.0))
    mesh = TriangleMesh(np.asarray(box.vertices) + (0.0, 0.0, 50.0), np.asarray(box.faces, dtype=np.int32))
    labels = np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(nifti([Surface("L1", mesh)]))).dataobj)
    filled = np.argwhere(labels)
    assert len(filled) == labels[tuple(slice(a, b + 1) for a, b in zip(filled.min(0), filled.max(0), strict=True))].size
    assert len(filled) == 6 * 8 * 4


def test_markups_have_the_landmarks_in_lps(folder: Path) -> None:
    (found,) = json.loads(made(artifacts.MARKUPS, folder).read_text())["markups"]
    assert (found["type"], found["coordinateSystem"], found["coordinateUnits"]) == ("Fiducial", "LPS", "mm")
    points = {point["label"]: point["position"] for point in found["controlPoints"]}
    assert len(points) == len(LEVELS) * len(LANDMARKS)
    assert points["L2 inf_endplate_centre"] == [2.0, -11.0, -3.0]


def test_the_scene_of_slicer_names_what_lies_beside_it(folder: Path) -> None:
    root = ElementTree.fromstring(made(artifacts.SLICER, folder).read_bytes())
    nodes = {node.attrib["id"]: node for node in root}
    assert root.tag == "MRML" and len(nodes) == len(root)
    models = [node for node in root if node.tag == "Model"]
    assert [node.attrib["name"] for node in models] == list(LEVELS)
    delivered = {name for key in ("stl", "markups") for artifact in FORMATS[key] for _, name in artifact.files()}
    files = set()
    for node in (*models, *(node for node in root if node.tag == "MarkupsFiducial")):
        storage, display = (nodes[node.attrib[f"{role}NodeRef"]] for role in ("storage", "display"))
        assert node.attrib["references"] == f"display:{display.attrib['id']};storage:{storage.attrib['id']};"
        assert storage.attrib["coordinateSystem"] == "LPS"
        files.add(storage.attrib["fileName"])
        if node.tag == "Model":
            colour = [round(255 * float(part)) for part in display.attrib["color"].split()]
            assert tuple(colour) == COLOURS[node.attrib["name"]]
    assert files == delivered


def test_slicer_opens_its_scene(folder: Path, surfaces: list[Surface], tmp_path: Path) -> None:
    """By 3D Slicer's own library of scenes, which reads every file that the scene names; its world is RAS."""
    slicer = pytest.importorskip("slicer_core", reason="slicer-core has no wheel for this machine")
    for key in ("stl", "markups", "mrml"):
        for artifact in FORMATS[key]:
            for _, name in artifact.files():
                made(artifact, folder, "lps", name).replace(tmp_path / name)
    scene = slicer.vtkMRMLScene()
    scene.RegisterNodeClass(slicer.vtkMRMLMarkupsJsonStorageNode())
    scene.SetURL(str(tmp_path / artifacts.SLICER.file))
    assert scene.Connect() == 1
    for surface in surfaces:
        node = scene.GetFirstNodeByName(surface.level)
        assert [round(255 * part) for part in node.GetDisplayNode().GetColor()] == [*COLOURS[surface.level]]
        x, y, z = surface.mesh.vertices.T
        expected = [end for axis in (-y, x, z) for end in (axis.min(), axis.max())]
        assert node.GetPolyData().GetBounds() == pytest.approx(expected, abs=1e-4)
    marks = scene.GetFirstNodeByName("Landmarks")
    numbers, place = range(marks.GetNumberOfControlPoints()), marks.GetNthControlPointPositionWorld
    places = {marks.GetNthControlPointLabel(number): place(number) for number in numbers}
    assert len(places) == len(LEVELS) * len(LANDMARKS)
    assert places["L2 inf_endplate_centre"] == pytest.approx((-2.0, 11.0, -3.0))


def test_csv_by_csv(folder: Path) -> None:
    with made(artifacts.TABLE, folder).open(newline="", encoding="utf-8") as file:
        height, cobb = csv.DictReader(file)
    assert float(height["value"]) == 27.123456789 and height["norm_source"] == 'a "table", quoted'
    assert (height["standard_error"], cobb["standard_error"], cobb["flag"]) == ("0.4", "", "low_confidence")


def test_fhir_by_its_models(folder: Path) -> None:
    found = Bundle.model_validate_json(made(artifacts.FHIR, folder).read_text())
    report, height, cobb = (entry.resource for entry in found.entry)
    addresses = [entry.fullUrl for entry in found.entry]
    assert [reference.reference for reference in report.result] == addresses[1:]
    assert report.status == height.status == "preliminary" and report.subject is None
    assert float(height.valueQuantity.value) == 27.1235 and height.valueQuantity.code == "mm"
    assert float(height.component[0].valueQuantity.value) == 0.4
    assert (float(height.referenceRange[0].low.value), float(height.referenceRange[0].high.value)) == (23.8, 31.4)
    assert cobb.component is None and "low_confidence" in cobb.note[1].text
    assert len({*addresses}) == 3
