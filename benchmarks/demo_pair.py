"""Demonstration pair: simulated films of a real spine.

``python -m benchmarks.demo_pair --data DIR --out demo`` with DIR as in ``subjects``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.subjects import RealSubject, Room, load_subject
from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import VIEWS
from lumbar3d.training.radiographs.exposure import Exposure
from lumbar3d.training.radiographs.film import FilmRecipe, make_film
from lumbar3d.training.radiographs.habitus import draw_habitus
from lumbar3d.training.radiographs.patient import draw_patient, matter_of
from lumbar3d.training.radiographs.presentation import Presentation, Shutters
from lumbar3d.training.radiographs.real_spine import spine_of
from lumbar3d.training.radiographs.spine import Spine

SUBJECT = "verse005"
SEED = 5
COLUMNS = 1024
AGE_YEARS = 60.0
EXPOSURE = Exposure(
    tube_kv=80.0,
    anti_scatter="grid",
    scatter_ratio=0.6,
    scatter_sigma_mm=45.0,
    quanta=4.0e4,
    focal_spot_mm=0.2,
    detector_mm=0.2,
    motion_mm=0.1,
)
PRESENTATION = Presentation(
    equalisation=0.85,
    equalisation_mm=38.0,
    edge=0.0,
    edge_mm=1.0,
    smoothing_mm=0.0,
    window=(1.0, 99.7),
    window_width=1.0,
    curve="sigmoid",
    curve_share=0.3,
    middle_grey=0.5,
    grey_levels=4095,
    monochrome1=False,
)


def real_spine(subject: RealSubject) -> Spine:
    """The simulator's spine of a person with all five levels."""
    return spine_of(
        [subject.meshes_world[level] for level in LEVELS],
        [subject.landmarks_world[level] for level in LEVELS],
        [subject.posterior_masks[level] for level in LEVELS],
    )


def main() -> None:
    """Write ``ap.png``, ``lat.png`` and ``calibration.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    arguments = parser.parse_args()
    subject = load_subject(arguments.data, SUBJECT, Room(columns=COLUMNS))
    rng = np.random.default_rng(SEED)
    spine = real_spine(subject)
    habitus = replace(draw_habitus(AGE_YEARS, False, rng), arms_in_view=False, implant="none")
    patient = draw_patient(spine, habitus, rng)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, beam in zip(VIEWS, (subject.geometry.ap, subject.geometry.lat), strict=True):
        recipe = FilmRecipe(name, EXPOSURE, PRESENTATION, Shutters(), ()).at_pitch(COLUMNS // 512)
        film = make_film(matter_of(spine, patient, beam, rng), recipe, rng)
        Image.fromarray(grey16(film)).save(arguments.out / f"{name}.png", optimize=True)
    (arguments.out / "calibration.json").write_text(subject.calibration.model_dump_json(indent=1) + "\n")


def grey16(film: NDArray[np.float32]) -> NDArray[np.uint16]:
    """12 significant bits in 16, as detectors deliver."""
    scaled = np.clip((film - film.min()) / (film.max() - film.min()), 0.0, 1.0)
    result: NDArray[np.uint16] = (np.round(scaled * 1023.0) * 64.0).astype(np.uint16)
    return result


if __name__ == "__main__":
    main()
