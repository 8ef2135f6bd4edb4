"""Simulated films."""

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.training.radiographs.exposure import draw_exposure, expose
from lumbar3d.training.radiographs.film import FilmRecipe, draw_film, make_film
from lumbar3d.training.radiographs.markers import Marker
from lumbar3d.training.radiographs.presentation import CURVES, Presentation, Shutters, draw_presentation, present, tone
from lumbar3d.training.radiographs.spectrum import CORTICAL_PER_MM, MUSCLE_PER_MM, Matter, bone_share, primary

PLAIN = Presentation(
    equalisation=0.0,
    equalisation_mm=30.0,
    edge=0.0,
    edge_mm=3.0,
    smoothing_mm=0.0,
    window=(1.0, 99.0),
    window_width=1.0,
    curve="linear",
    curve_share=0.0,
    middle_grey=0.5,
    grey_levels=4095,
    monochrome1=False,
)


def slab(soft_mm, bone_mm=0.0, size=128):
    return Matter(np.full((size, size), soft_mm, dtype=np.float32), np.full((size, size), bone_mm, dtype=np.float32))


def with_block(soft_mm, bone_mm):
    matter = slab(soft_mm)
    matter.bone_mm[40:80, 40:80] = bone_mm
    return matter


def test_the_beam_hardens():
    transmitted = [primary(slab(depth, size=2), 80.0)[0, 0] for depth in (0.0, 1.0, 200.0, 201.0)]
    assert transmitted[0] == pytest.approx(1.0, abs=1e-6)
    entering, leaving = -np.log(transmitted[1] / transmitted[0]), -np.log(transmitted[3] / transmitted[2])
    assert MUSCLE_PER_MM[3] < leaving < entering < MUSCLE_PER_MM[0]
    assert 0.003 < transmitted[2] < 0.02  # about 1 % through an AP trunk
    harder = primary(slab(200.0, size=2), 100.0)[0, 0]
    assert harder > transmitted[2]


def test_bone_replaces_tissue():
    bone = -np.log(primary(slab(100.0, 10.0, size=2), 80.0)[0, 0] / primary(slab(100.0, 0.0, size=2), 80.0)[0, 0])
    least, most = 10.0 * (CORTICAL_PER_MM - MUSCLE_PER_MM)[[3, 0]]
    assert least < bone < most
    assert bone_share(55.0) == 0.0 and 0.05 < bone_share(150.0) < 0.07  # a body of 35 mm: about 0.1 in -ln I


@pytest.mark.parametrize("view", ["ap", "lat"])
def test_scatter_takes_contrast_and_quanta_give_quiet(view):
    exposure = replace(
        draw_exposure(view, False, np.random.default_rng(0)), focal_spot_mm=0.0, detector_mm=0.0, motion_mm=0.0
    )

    def film(**changes):
        return expose(with_block(200.0, 5.0), replace(exposure, **changes), np.random.default_rng(1))[0]

    def contrast(image):
        return image[50:70, 50:70].mean() - image[:30].mean()

    clean, foggy = film(quanta=1e7, scatter_ratio=0.0), film(quanta=1e7, scatter_ratio=3.0)
    assert contrast(foggy) < 0.4 * contrast(clean)
    noise = [film(quanta=quanta, scatter_ratio=0.0)[:30].std() for quanta in (1e3, 1e5)]
    assert noise[0] == pytest.approx(10 * noise[1], rel=0.1)
    assert noise[1] == pytest.approx(1e5**-0.5, rel=0.1)


def test_blur_widens_an_edge():
    exposure = replace(draw_exposure("ap", False, np.random.default_rng(0)), quanta=1e9, scatter_ratio=0.0)
    sharp, soft = (
        expose(with_block(150.0, 8.0), replace(exposure, motion_mm=motion), np.random.default_rng(1))[0]
        for motion in (0.0, 2.0)
    )
    assert np.abs(np.diff(soft[60])).max() < 0.7 * np.abs(np.diff(sharp[60])).max()


def test_tone_curves_keep_order_and_ends():
    grey = np.linspace(0.0, 1.0, 101, dtype=np.float32)
    for curve in CURVES:
        toned = tone(grey, curve)
        assert (np.diff(toned) > 0).all()
        assert abs(toned[0]) < 1e-6 and abs(toned[-1] - 1.0) < 1e-6


def test_presentation_is_bone_bright_whatever_the_vendor():
    matter = with_block(200.0, 6.0)
    matter.soft_mm[:, 110:] = 0.0  # air
    for seed in range(8):
        rng = np.random.default_rng(seed)
        counted, patient = expose(matter, replace(draw_exposure("ap", False, rng), quanta=1e6, scatter_ratio=0.3), rng)
        film = present(counted, patient, draw_presentation(rng))
        assert film[45:75, 45:75].mean() > film[5:30, 5:30].mean()
        assert film[:, 118:].mean() <= film[5:30, 5:30].mean() + 0.05


def test_edges_are_enhanced_on_request():
    rng = np.random.default_rng(0)
    counted = expose(with_block(200.0, 6.0), replace(draw_exposure("ap", False, rng), quanta=1e8), rng)[0]
    patient = np.ones_like(counted, dtype=bool)
    plain, enhanced = (present(counted, patient, replace(PLAIN, edge=edge, window=(0.0, 100.0))) for edge in (0.0, 1.0))

    def overshoot(film):
        return (film[50:70, 40:45].mean(0).max() - film[50:70, 50:70].mean()) / np.ptp(film[50:70].mean(0))

    assert overshoot(plain) < 0.01 and overshoot(enhanced) > 0.05  # the tone curve flattens the bright end


def test_a_recipe_says_what_is_on_the_film():
    rng = np.random.default_rng(2)
    matter = with_block(200.0, 6.0)
    recipe = FilmRecipe("ap", draw_exposure("ap", False, rng), PLAIN, Shutters(left=0.25), ())
    lead, burnt = Marker("L", 0.1, 0.5, 0.1, 60.0), Marker("R", 0.7, 0.6, 0.1, 0.0)
    plain = make_film(matter, recipe, np.random.default_rng(3))
    assert np.array_equal(plain, make_film(matter, recipe, np.random.default_rng(3)))
    assert np.ptp(plain[:, :32]) == 0.0 < np.ptp(plain[:, 32:])
    marked = make_film(matter, replace(recipe, markers=(lead, burnt)), np.random.default_rng(3))
    for marker in (lead, burnt):
        place = np.s_[int(marker.row * 128) : int(marker.row * 128) + 16, int(marker.column * 128) :][:2]
        assert (marked - plain)[place].max() > 0.2
    assert repr(draw_film("lat", rng)).startswith("FilmRecipe(view='lat', exposure=Exposure(tube_kv=")


def test_shutters_leave_the_middle_alone():
    film = np.random.default_rng(0).random((100, 100), dtype=np.float32)
    shutters = [draw_film("ap", np.random.default_rng(seed)).shutters for seed in range(20)]
    results = [shutter.applied(film) for shutter in shutters]
    assert all(np.array_equal(result[10:90, 30:70], film[10:90, 30:70]) for result in results)
    assert any(not np.array_equal(result, film) for result in results)
