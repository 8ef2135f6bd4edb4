"""Transforms, projection, triangulation and the refusal of rooms that cannot exist."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lumbar3d.contracts import Calibration
from lumbar3d.errors import CalibrationError, DegenerateGeometryError, ViewAngleError
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.triangulation import triangulate
from tests.conftest import calibration_document

coordinate = st.floats(-120.0, 120.0)
point = st.tuples(coordinate, coordinate, coordinate).map(np.array)


@settings(deadline=None)
@given(vector=st.tuples(*[st.floats(-3.0, 3.0)] * 3).map(np.array), shift=point, target=point)
def test_a_rigid_transform_and_its_inverse_cancel(vector, shift, target):
    world_from_model = frames.rigid(frames.rotation_from_vector(vector), shift)
    back = frames.apply(frames.invert(world_from_model), frames.apply(world_from_model, target[None]))
    np.testing.assert_allclose(back[0], target, atol=1e-10)


def test_fit_rigid_recovers_a_known_motion_and_never_mirrors():
    rng = np.random.default_rng(1)
    source = rng.normal(size=(7, 3)) * 30
    truth = frames.rigid(frames.rotation_from_vector(np.array([0.2, -0.5, 1.0])), np.array([5.0, -3.0, 90.0]))
    np.testing.assert_allclose(frames.fit_rigid(source, frames.apply(truth, source)), truth, atol=1e-9)
    mirrored = frames.fit_rigid(source, source * [1, -1, 1])
    assert np.linalg.det(mirrored[:3, :3]) == pytest.approx(1.0)


def test_weights_of_zero_ignore_an_outlier():
    rng = np.random.default_rng(2)
    source = rng.normal(size=(6, 3)) * 20
    target = source + [1.0, 2.0, 3.0]
    target[0] += 50.0
    fitted = frames.fit_rigid(source, target, np.array([0.0, 1, 1, 1, 1, 1]))
    np.testing.assert_allclose(fitted[:3, 3], [1.0, 2.0, 3.0], atol=1e-9)


@settings(deadline=None)
@given(world=point)
def test_projection_and_rays_agree_and_two_views_give_the_point_back(world):
    geometry = build_geometry(Calibration.model_validate(calibration_document()))
    rays = []
    for view in (geometry.ap, geometry.lat):
        pixels, depth = view.project(world[None])
        homogeneous = view.matrix @ np.append(world, 1.0)
        np.testing.assert_allclose(homogeneous[:2] / homogeneous[2], pixels[0], atol=1e-9)
        assert depth[0] > 0
        rays.append(view.rays(pixels))
    (o1, d1), (o2, d2) = rays
    points, distance = triangulate(o1, d1, o2, d2)
    np.testing.assert_allclose(points[0], world, atol=1e-8)
    assert distance[0] < 1e-8


def test_triangulation_reports_the_gap_between_skew_rays():
    points, distance = triangulate(
        np.array([[0.0, 0, 0]]), np.array([[1.0, 0, 0]]), np.array([[5.0, -5, 2]]), np.array([[0.0, 3, 0]])
    )
    np.testing.assert_allclose(points, [[5.0, 0.0, 1.0]])
    np.testing.assert_allclose(distance, [2.0])


def test_a_matrix_view_is_the_same_room_as_its_geometry(document):
    geometry = build_geometry(Calibration.model_validate(document))
    for name, view in (("ap", geometry.ap), ("lat", geometry.lat)):
        old = document[name]
        document[name] = {
            "type": "matrix",
            "projection": (view.matrix * -3.7).tolist(),
            **{key: old[key] for key in ("pixel_spacing_mm", "columns", "rows")},
        }
    again = build_geometry(Calibration.model_validate(document))
    for view, same in ((geometry.ap, again.ap), (geometry.lat, again.lat)):
        np.testing.assert_allclose(same.camera_from_world, view.camera_from_world, atol=1e-8)
        np.testing.assert_allclose(same.focal_px, view.focal_px, rtol=1e-9)
        np.testing.assert_allclose(same.principal_px, view.principal_px, atol=1e-6)


@pytest.mark.parametrize("kind", ["geometry", "matrix"])
@pytest.mark.parametrize("turned", [("ap",), ("lat",), ("ap", "lat")])
def test_a_detector_seen_from_behind_is_the_same_room(document, kind, turned):
    geometry = build_geometry(Calibration.model_validate(document))
    for name in turned:
        view, beam = document[name], getattr(geometry, name)
        count, pitch = view["columns"], view["pixel_spacing_mm"][0]
        if kind == "matrix":
            over = np.array([[-1.0, 0.0, count - 1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
            shared = {key: view[key] for key in ("pixel_spacing_mm", "columns", "rows")}
            document[name] = {"type": "matrix", "projection": (over @ beam.matrix * 2.3).tolist(), **shared}
        else:
            u_axis = np.array(view["detector_u_axis"])
            view["detector_origin_mm"] = (view["detector_origin_mm"] + (count - 1) * pitch * u_axis).tolist()
            view["detector_u_axis"] = (-u_axis).tolist()
    again = build_geometry(Calibration.model_validate(document))
    assert again.seen_from_behind == ("ap" in turned, "lat" in turned)
    assert again.notes == tuple(f"{name}_seen_from_behind" for name in turned)
    for name in ("ap", "lat"):
        np.testing.assert_allclose(getattr(again, name).matrix, getattr(geometry, name).matrix, rtol=1e-6, atol=1e-6)


def test_a_detector_upside_down_and_seen_from_behind_is_only_turned(document):
    geometry = build_geometry(Calibration.model_validate(document))
    ap = document["ap"]
    ap["detector_origin_mm"][2] *= -1.0
    ap["detector_v_axis"] = [0.0, 0.0, 1.0]
    again = build_geometry(Calibration.model_validate(document))
    assert again.seen_from_behind == (True, False)
    point = np.array([[20.0, -33.0, 71.0]])
    (u, v), (turned_u, turned_v) = geometry.ap.project(point)[0][0], again.ap.project(point)[0][0]
    assert (turned_u, turned_v) == pytest.approx((1023 - u, 1023 - v))


def test_a_downsampled_grid_sees_the_same_points(calibration):
    view = build_geometry(calibration).ap
    point = np.array([[20.0, -33.0, 71.0]])
    fine, coarse = view.project(point)[0], view.downsampled(2).project(point)[0]
    np.testing.assert_allclose(coarse * 2 + 0.5, fine, atol=1e-9)
    assert view.downsampled(2).source_to_detector_mm == pytest.approx(view.source_to_detector_mm)


def test_pixel_density_equals_the_area_a_small_patch_covers(calibration):
    view = build_geometry(calibration).ap
    centre = np.array([30.0, 60.0, -80.0])
    direction = centre - view.source_world_mm
    direction /= np.linalg.norm(direction)
    first = np.cross(direction, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(direction, first)
    corners = centre + 0.01 * np.array([np.zeros(3), first, second])
    pixels, _ = view.project(corners)
    (a, b), (c, d) = pixels[1] - pixels[0], pixels[2] - pixels[0]
    assert abs(a * d - b * c) / 1e-4 == pytest.approx(view.pixel_density_px2_per_mm2(centre[None])[0], rel=1e-4)


def spoil(document, view, **changes):
    spoiled = copy.deepcopy(document)
    spoiled[view].update(changes)
    return Calibration.model_validate(spoiled)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"pixel_spacing_mm": [0.0, 0.42]}, CalibrationError),
        ({"pixel_spacing_mm": [-0.42, 0.42]}, CalibrationError),
        ({"detector_u_axis": [0.0, 0.0, 0.0]}, CalibrationError),
        ({"detector_u_axis": [0.0, 0.9, 0.436]}, CalibrationError),
        ({"source_mm": [100.0, 0.0, 0.0]}, DegenerateGeometryError),
        ({"source_mm": [-290.0, 0.0, 0.0]}, DegenerateGeometryError),
        ({"detector_origin_mm": [-300.0, -215.0, 2215.0]}, DegenerateGeometryError),
        ({"pixel_spacing_mm": [0.042, 0.042]}, CalibrationError),  # centimetres
        ({"pixel_spacing_mm": [4.2, 4.2]}, CalibrationError),
        ({"pixel_spacing_mm": [0.42, 2.4]}, CalibrationError),
        ({"pixel_spacing_mm": [1.2, 1.2]}, CalibrationError),
    ],
)
def test_impossible_rooms_are_refused(document, changes, error):
    with pytest.raises(error):
        build_geometry(spoil(document, "ap", **changes))


@pytest.mark.parametrize(("columns", "rows"), [(200, 5000), (5000, 200), (1800, 2500), (191, 191)])
def test_long_wide_and_small_films_are_a_room_all_the_same(document, columns, rows):
    origin = [-300.0, -0.21 * (columns - 1), 0.21 * (rows - 1)]
    room = spoil(document, "ap", columns=columns, rows=rows, detector_origin_mm=origin)
    assert build_geometry(room).ap.rows == rows


def test_parallel_views_are_refused(document):
    document["lat"] = document["ap"]
    with pytest.raises(ViewAngleError):
        build_geometry(Calibration.model_validate(document))


def test_views_of_two_different_places_are_refused(document):
    lat = document["lat"]
    lat["source_mm"][2] += 900.0
    lat["detector_origin_mm"][2] += 900.0
    with pytest.raises(DegenerateGeometryError):
        build_geometry(Calibration.model_validate(document))


def test_a_singular_matrix_is_refused(document):
    document["ap"] = {
        "type": "matrix",
        "projection": [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]],
        "pixel_spacing_mm": [0.4, 0.4],
        "columns": 512,
        "rows": 512,
    }
    with pytest.raises(DegenerateGeometryError):
        build_geometry(Calibration.model_validate(document))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1e400"])
def test_numbers_that_are_not_finite_never_pass_the_contract(document, value):
    with pytest.raises(ValidationError):
        spoil(document, "ap", source_mm=[value, 0.0, 0.0])


def test_an_unusual_but_usable_angle_is_noted(document):
    angle = np.deg2rad(28.0)
    rotate = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    for key in ("source_mm", "detector_origin_mm", "detector_u_axis", "detector_v_axis"):
        document["lat"][key] = (rotate @ np.array(document["lat"][key])).tolist()
    geometry = build_geometry(Calibration.model_validate(document))
    assert geometry.notes == ("view_angle_unusual",)
