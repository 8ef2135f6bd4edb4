"""Film simulation: its recipe, and the way from what lies on the rays to pixels for presentation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Image
from lumbar3d.contracts import ViewName
from lumbar3d.training.radiographs.exposure import Exposure, draw_exposure, expose
from lumbar3d.training.radiographs.markers import Marker, draw_markers, stamp
from lumbar3d.training.radiographs.presentation import Presentation, Shutters, draw_presentation, draw_shutters, present
from lumbar3d.training.radiographs.spectrum import Matter


@dataclass(frozen=True)
class FilmRecipe:
    """Everything that was chosen for one film besides the patient; printed, it says what one sees."""

    view: ViewName
    exposure: Exposure
    presentation: Presentation
    shutters: Shutters
    markers: tuple[Marker, ...]

    def at_pitch(self, finer: float) -> FilmRecipe:
        """The same film on pixels ``finer`` times smaller."""
        return replace(self, exposure=self.exposure.at_pitch(finer))


def draw_film(view: ViewName, rng: np.random.Generator, slot: bool = False) -> FilmRecipe:
    """Exposure, processing, shutters and markers, all independent of each other."""
    exposure = draw_exposure(view, slot, rng)
    return FilmRecipe(view, exposure, draw_presentation(rng), draw_shutters(rng), draw_markers(rng))


def make_film(matter: Matter, recipe: FilmRecipe, rng: np.random.Generator) -> Image:
    """Bone-bright film for presentation, arbitrary grey units.

    Parameters
    ----------
    matter : Matter
        In the canonical orientation.
    recipe : FilmRecipe
    rng : numpy.random.Generator
        For the noise only.
    """
    bone = matter.bone_mm.copy()
    for marker in recipe.markers:
        if marker.bone_mm > 0.0:
            stamp(bone, marker, marker.bone_mm)
    counted, patient = expose(Matter(matter.soft_mm, bone), recipe.exposure, rng)
    film = present(counted, patient, recipe.presentation, recipe.exposure.pitch_mm)
    film = recipe.shutters.applied(film)
    for marker in recipe.markers:
        if marker.bone_mm == 0.0:
            stamp(film, marker, float(film.max()))
    return film
