"""Broken, spurred, fused and transitional vertebrae: the heights they lose, the bone they gain, closed surfaces."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.training.population import endplates, fractures, osteophytes, pathology, residual, transitional
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.draw import draw_person
from lumbar3d.training.population.endplates import Dent
from lumbar3d.training.population.folds import Folds
from lumbar3d.training.population.fractures import Fracture
from lumbar3d.training.population.measure import measure
from lumbar3d.training.population.osteophytes import Spur
from lumbar3d.training.population.prevalence import OFTEN
from tests.shipped import shipped_models

MODELS = dict(zip(LEVELS, shipped_models(), strict=True))
TEMPLATES = {level: Template(MODELS[level]) for level in LEVELS}


def assert_closed(vertices: Array, level: str) -> None:
    """Watertight, genus 1, faces outwards, no fold, no face through another part of the surface."""
    mesh = trimesh.Trimesh(vertices, MODELS[level].faces, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.euler_number == 0
    assert mesh.volume > 20_000.0
    assert len(Folds(MODELS[level].faces, len(vertices)).flipped(vertices)) == 0
    assert inside_share(mesh) < 1e-3


def inside_share(mesh: trimesh.Trimesh) -> float:
    """Share of vertices that lie within another part of the body: just outside the surface there must be air."""
    chosen = np.arange(0, len(mesh.vertices), 211)
    outside = mesh.vertices[chosen] + 0.15 * mesh.vertex_normals[chosen]
    return float(np.mean(winding_number(outside, mesh) > 0.5))


def winding_number(points: Array, mesh: trimesh.Trimesh) -> Array:
    """How often the surface goes round each point (Van Oosterom and Strackee 1983)."""
    found = []
    for point in points:
        a, b, c = (mesh.triangles[:, k] - point for k in range(3))
        la, lb, lc = (np.linalg.norm(corner, axis=1) for corner in (a, b, c))
        numerator = np.einsum("ni,ni->n", a, np.cross(b, c))
        ab, bc, ca = (np.einsum("ni,ni->n", p, q) for p, q in ((a, b), (b, c), (c, a)))
        found.append(2 * np.arctan2(numerator, la * lb * lc + ab * lc + bc * la + ca * lb).sum() / (4 * np.pi))
    return np.array(found)


def lost(level: str, fracture: Fracture) -> dict[str, float]:
    """Shares of the anterior, middle and posterior height that a fracture takes."""
    before = TEMPLATES[level].deform({})
    after = fractures.broken(before, TEMPLATES[level], fracture)
    assert_closed(after, level)
    return {name: 1 - heights(after, level)[name] / height for name, height in heights(before, level).items()}


def heights(vertices: Array, level: str) -> dict[str, float]:
    patches = MODELS[level].patches
    centre = [vertices[patches[f"plate_{plate}_area"]] for plate in ("sup", "inf")]
    middle = [area[np.argsort(np.hypot(area[:, 0], area[:, 1]))[:10]].mean(axis=0) for area in centre]
    return {
        "front": float(np.linalg.norm(vertices[patches["corner_as"]] - vertices[patches["corner_ai"]])),
        "middle": float(np.linalg.norm(middle[0] - middle[1])),
        "back": float(np.linalg.norm(vertices[patches["corner_ps"]] - vertices[patches["corner_pi"]])),
    }


@pytest.mark.parametrize("level", ["L1", "L5"])
@pytest.mark.parametrize("loss", [0.22, 0.5])
def test_fractures_take_height_where_their_kind_says(level: str, loss: float) -> None:
    wedge = lost(level, Fracture("wedge", loss, side=0.3))
    assert wedge["front"] == pytest.approx(loss, abs=0.04)
    assert abs(wedge["back"]) < 0.02
    biconcave = lost(level, Fracture("biconcave", loss))
    assert biconcave["middle"] == pytest.approx(loss, abs=0.04)
    assert max(biconcave["front"], biconcave["back"]) < 0.15
    crush = lost(level, Fracture("crush", loss))
    assert min(crush.values()) > 0.75 * loss


def test_fracture_leaves_the_arch_alone() -> None:
    before = TEMPLATES["L1"].deform({})
    after = fractures.broken(before, TEMPLATES["L1"], Fracture("wedge", 0.4))
    arch = before[:, 0] < -35.0
    distances = [np.linalg.norm(v[arch][::40, None] - v[arch][None, ::40], axis=-1) for v in (before, after)]
    np.testing.assert_allclose(distances[0], distances[1], atol=1e-6)


@pytest.mark.parametrize("level", ["L1", "L5"])
@pytest.mark.parametrize("kind", ["biconcave", "crush"])
def test_collapsed_bodies_are_eleven_millimetres_high_and_still_closed(level: str, kind: fractures.Kind) -> None:
    before = TEMPLATES[level].deform({})
    after = fractures.broken(before, TEMPLATES[level], Fracture(kind, max(fractures.LOSSES[-1]), side=0.3))
    assert_closed(after, level)
    assert 6.0 < heights(after, level)["middle"] < 11.0


def test_drawn_fractures_leave_something_at_the_side_that_lost_more() -> None:
    rng = np.random.default_rng(8)
    drawn = [fractures.draw(rng, OFTEN) for _ in range(500)]
    assert max(found.loss * (1 + abs(found.side)) for found in drawn) <= fractures.MOST_LOSS + 1e-9
    assert max(found.loss for found in drawn) > 0.6


def test_grades_follow_genant() -> None:
    assert [Fracture("wedge", loss).grade for loss in (0.1, 0.21, 0.3, 0.45)] == [0, 1, 2, 3]
    assert pathology.Trouble(Fracture("crush", 0.3)).describe("L2") == ("crush fracture, grade 2 L2",)


@pytest.mark.parametrize(("azimuth", "direction"), [(0.0, [1.0, 0.0]), (90.0, [0.0, 1.0]), (-60.0, [0.5, -0.87])])
def test_spur_sticks_out_by_its_length(azimuth: float, direction: list[float]) -> None:
    template = TEMPLATES["L3"]
    before = template.deform({})
    after = osteophytes.grown(before, template, [Spur("sup", azimuth, 6.0, claw=0.5)])
    assert_closed(after, "L3")
    # The rim's centroid, which carries the frame, moves a little with the spur.
    outwards = (after - before)[:, :2] @ np.array(direction)
    outwards -= np.median(outwards)
    assert outwards.max() == pytest.approx(6.0, abs=1.0)
    assert (np.abs(outwards) > 0.5).sum() < 0.06 * len(before)
    assert (after - before)[:, 2].max() > 1.5


@pytest.mark.parametrize("plate", ["sup", "inf"])
def test_dent_sinks_one_plate_by_its_depth_and_leaves_the_rest(plate: osteophytes.Plate) -> None:
    before = TEMPLATES["L3"].deform({})
    after = endplates.dented(before, TEMPLATES["L3"], [Dent(plate, -0.2, 0.1, depth_mm=5.0, radius_mm=8.0)])
    assert_closed(after, "L3")
    into = (before - after)[:, 2] * (1.0 if plate == "sup" else -1.0)
    assert into.max() == pytest.approx(5.0, abs=0.3) and into.min() > -0.1
    moved = np.flatnonzero(np.abs(into) > 0.1)
    assert len(moved) < 0.05 * len(before)
    assert set(moved) <= set(MODELS["L3"].patches[f"plate_{plate}_area"])


def test_uneven_and_broken_bodies_are_closed_surfaces() -> None:
    rng = np.random.default_rng(6)
    for kind in fractures.KINDS:
        dents = endplates.draw(rng, 1, uneven=1.0)[0]
        trouble = pathology.Trouble(Fracture(kind, 0.65), dents=dents)
        assert dents
        assert_closed(pathology.suffered(TEMPLATES["L2"].deform({}), TEMPLATES["L2"], trouble), "L2")


def test_bridge_grows_over_half_of_the_gap_and_no_more() -> None:
    template = TEMPLATES["L4"]
    before = template.deform({})
    for plate, sign in (("sup", 1.0), ("inf", -1.0)):
        after = osteophytes.bridged(before, template, plate, gap_mm=4.0)
        assert_closed(after, "L4")
        # The rim's centroid, which carries the frame, rises with it.
        reached = sign * (after - before)[MODELS["L4"].patches[f"plate_{plate}_rim"], 2]
        assert 0.5 < reached.max() < 2.0


def test_sacralised_vertebra_has_wings() -> None:
    template = TEMPLATES["L5"]
    before = template.deform({})
    after = transitional.sacralised(before, template, wing_mm=22.0, sides=(True, False))
    assert_closed(after, "L5")
    for side, height in ((1.0, 22.0), (-1.0, None)):
        ends = [v[side * v[:, 1] > 42.0] for v in (before, after)]
        spans = [np.ptp(end[:, 2]) for end in ends]
        assert spans[1] == pytest.approx(height or spans[0], abs=2.5 if height else 0.5)


def test_fifth_of_six_lies_between_the_fourth_and_the_fifth_of_five() -> None:
    between = transitional.between(MODELS["L4"], MODELS["L5"], 0.5)
    surface = Template(between).deform({})
    widths = [measure(MODELS[level].mean, MODELS[level])["pedicle_width_mm"] for level in ("L4", "L5")]
    assert widths[0] + 1.0 < measure(surface, between)["pedicle_width_mm"] < widths[1] - 1.0
    assert_closed(surface, "L5")


def test_drawn_people_with_residual_and_troubles_are_closed_surfaces() -> None:
    rng = np.random.default_rng(5)
    for level in LEVELS:
        template, own = TEMPLATES[level], residual.Residual(MODELS[level].mean)
        for _ in range(2):
            person = draw_person(rng)
            values = person.values[LEVELS.index(level)]
            surface = template.deform(values, own.displacement(residual.draw(rng)[0]))
            trouble = pathology.draw(rng, person.sex, 90.0)[LEVELS.index(level)]
            assert_closed(pathology.suffered(surface, template, trouble), level)


def test_old_women_break_and_the_young_have_no_spurs() -> None:
    rng = np.random.default_rng(1)
    old = [pathology.draw(rng, "female", 85.0) for _ in range(800)]
    broken = np.mean([any(trouble.fracture for trouble in person) for person in old])
    assert broken == pytest.approx(0.25, abs=0.05)
    first, last = (np.sum([person[place].fracture is not None for person in old]) for place in (0, 4))
    assert first > 2 * last
    young = [pathology.draw(rng, "male", 25.0) for _ in range(300)]
    assert np.mean([bool(trouble.spurs) for person in young for trouble in person]) < 0.15


def test_residual_has_its_size_length_and_symmetry() -> None:
    own = residual.Residual(MODELS["L3"].mean)
    rng = np.random.default_rng(2)
    drawn = np.stack([own.displacement(residual.draw(rng)[0]) for _ in range(150)])
    assert drawn.std() == pytest.approx(residual.SD_MM, abs=0.03)
    mean = MODELS["L3"].mean
    tip = int(np.argmax(mean[:, 1]))
    mirrored = int(np.argmin(((mean - mean[tip] * [1, -1, 1]) ** 2).sum(axis=1)))

    def correlation(first: Array, second: Array) -> float:
        return float((first * second).mean() / np.sqrt((first**2).mean() * (second**2).mean()))

    assert correlation(drawn[:, tip], drawn[:, mirrored] * [1, -1, 1]) == pytest.approx(residual.SIDES, abs=0.12)
    distance = np.linalg.norm(mean - mean[tip], axis=1)
    near, far = int(np.argmin(np.abs(distance - 3.0))), int(np.argmin(np.abs(distance - 30.0)))
    assert correlation(drawn[:, tip], drawn[:, near]) > 0.85
    assert abs(correlation(drawn[:, tip], drawn[:, far])) < 0.25


def test_neighbours_share_their_residual() -> None:
    rng = np.random.default_rng(3)
    own = residual.Residual(MODELS["L3"].mean)
    pairs = [[own.displacement(weights) for weights in residual.draw(rng, 2)] for _ in range(60)]
    upper, lower = np.array(pairs).swapaxes(0, 1)
    assert (upper * lower).mean() / residual.SD_MM**2 == pytest.approx(residual.NEIGHBOURS, abs=0.06)
