"""Exported files: meshes, outlines, pictures."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from lumbar3d.anatomy import LEVELS
from lumbar3d.export.file_frames import SCENE_FROM_WORLD
from lumbar3d.export.meshes import write_meshes
from lumbar3d.export.overlay_document import ViewOverlay
from lumbar3d.export.palette import COLOURS
from lumbar3d.export.picture import overlay_picture, png_of_stored, write_film
from lumbar3d.export.surface import Surface
from lumbar3d.shape.mesh import TriangleMesh, volume_mm3


def ball(centre: tuple[float, float, float], radius_mm: float) -> TriangleMesh:
    sphere = trimesh.creation.icosphere(subdivisions=3, radius=radius_mm)
    return TriangleMesh(np.asarray(sphere.vertices) + centre, np.asarray(sphere.faces, dtype=np.int32))


@pytest.fixture
def meshes() -> dict[str, TriangleMesh]:
    return {level: ball((3.0 * k, -2.0 * k, -35.0 * k), 12.0 + k) for k, level in enumerate(LEVELS)}


def write(meshes: dict[str, TriangleMesh], folder: Path) -> None:
    write_meshes([Surface(level, mesh) for level, mesh in meshes.items()], folder)


def test_stl_keeps_every_triangle(meshes: dict[str, TriangleMesh], tmp_path: Path) -> None:
    write(meshes, tmp_path)
    for level, mesh in meshes.items():
        read = trimesh.load_mesh(tmp_path / f"{level}.stl")
        assert len(read.faces) == len(mesh.faces)
        assert read.is_watertight
        assert read.volume == pytest.approx(volume_mm3(mesh.vertices, mesh.faces), rel=1e-5)
        np.testing.assert_allclose(read.bounds, [mesh.vertices.min(0), mesh.vertices.max(0)], atol=1e-4)


def test_zip_holds_the_same_files(meshes: dict[str, TriangleMesh], tmp_path: Path) -> None:
    write(meshes, tmp_path)
    with zipfile.ZipFile(tmp_path / "meshes.zip") as archive:
        assert archive.namelist() == [f"{level}.stl" for level in LEVELS]
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / name).read_bytes()


def test_equal_meshes_give_equal_bytes(meshes: dict[str, TriangleMesh], tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        write(meshes, folder)
    for name in ("L1.stl", "meshes.zip", "spine.glb"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_glb_names_colours_and_places_every_vertebra(meshes: dict[str, TriangleMesh], tmp_path: Path) -> None:
    write(meshes, tmp_path)
    scene = trimesh.load_scene(tmp_path / "spine.glb")
    assert set(scene.graph.nodes_geometry) == set(LEVELS)
    for level, mesh in meshes.items():
        transform, name = scene.graph[level]
        np.testing.assert_array_equal(transform, SCENE_FROM_WORLD)
        part = scene.geometry[name]
        np.testing.assert_allclose(part.bounds, [mesh.vertices.min(0), mesh.vertices.max(0)], atol=1e-4)
        assert tuple(part.visual.material.baseColorFactor[:3]) == COLOURS[level]


def test_film_is_an_8_bit_picture_of_the_grey_values(tmp_path: Path) -> None:
    pixels = np.linspace(-0.1, 1.1, 64 * 48, dtype=np.float32).reshape(64, 48)
    write_film(pixels, tmp_path / "ap.png")
    with Image.open(tmp_path / "ap.png") as picture:
        assert (picture.mode, picture.size) == ("L", (48, 64))
        np.testing.assert_allclose(np.asarray(picture) / 255, np.clip(pixels, 0, 1), atol=0.5 / 255 + 1e-6)


def test_overlay_picture_draws_each_level_in_its_colour(tmp_path: Path) -> None:
    square = [[30.0, 30.0], [90.0, 30.0], [90.0, 70.0], [30.0, 70.0], [30.0, 30.0]]
    overlay: ViewOverlay = {"width": 128, "height": 100, "levels": {"L3": {"outline": [square], "landmarks": {}}}}
    films = {view: np.full((100, 128), 0.25, np.float32) for view in ("ap", "lat")}
    overlays: dict[str, ViewOverlay] = {"ap": overlay, "lat": {**overlay, "levels": {}}}
    for view, pixels in films.items():
        write_film(pixels, tmp_path / f"{view}.png")
    stored = [(tmp_path / f"{view}.png").read_bytes() for view in films]
    with Image.open(io.BytesIO(png_of_stored(json.dumps({"views": overlays}).encode(), *stored))) as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(overlay_picture(films, overlays)))
        assert picture.size == (512, 200)
        assert picture.getpixel((120, 61)) == COLOURS["L3"]
        assert picture.getpixel((120, 100)) == (64, 64, 64)
        assert picture.getpixel((256 + 120, 61)) == (64, 64, 64)
