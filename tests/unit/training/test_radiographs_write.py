"""Files of simulated pairs."""

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.contracts import Calibration
from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.normalise import normalise
from lumbar3d.imaging.preprocess import to_network_grid
from lumbar3d.imaging.radiograph import load_radiograph
from lumbar3d.training.radiographs.simulate import Simulator
from lumbar3d.training.radiographs.write import write_pair
from tests.shipped import shipped_models


@pytest.mark.parametrize("inverted", [False, True])
def test_the_reader_sees_the_film_that_was_written(tmp_path, inverted):
    views = Simulator(shipped_models()).pair(7)
    views = tuple(
        replace(
            view,
            recipe=replace(view.recipe, presentation=replace(view.recipe.presentation, monochrome1=inverted)),
        )
        for view in views
    )
    write_pair(views, tmp_path)
    calibration = Calibration.model_validate_json((tmp_path / "calibration.json").read_text())
    geometry = build_geometry(calibration)
    for view, name, beam in zip(views, ("ap", "lat"), (geometry.ap, geometry.lat), strict=True):
        interpretation = getattr(calibration, name).photometric_interpretation
        film = load_radiograph(tmp_path / f"{name}.png", interpretation)
        assert film.inverted is inverted
        seen = to_network_grid(film, beam, name)
        expected = normalise(flips_to_canonical(view.projection, name).image(view.pixels))
        assert np.abs(seen.pixels - expected).max() < 0.02
        shift_px = np.abs(seen.projection.project(np.zeros((1, 3)))[0] - view.projection.project(np.zeros((1, 3)))[0])
        assert 0.0 < shift_px.max() < 15.0
    assert "FilmRecipe(view='lat'" in (tmp_path / "recipe.txt").read_text()
