"""Make the demonstration pair: simulated films of a real spine.

``python -m training.radiographs.demo --data DIR --out demo`` with DIR as in ``benchmarks.subjects``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.subjects import Room, Subject, load_subject
from lumbar3d.contracts import LEVELS
from training.radiographs.film import Technique, develop
from training.radiographs.patient import attenuation_of, draw_patient
from training.radiographs.real_spine import spine_of
from training.radiographs.spine import Spine

SUBJECT = "verse005"
SEED = 5
COLUMNS = 1024
TECHNIQUE = Technique(
    photons=4.0e4,
    scatter_ratio=0.4,
    scatter_sigma_px=50.0,
    blur_px=0.4,
    enhancement=0.85,
    enhancement_sigma_px=45.0,
    window=(1.0, 99.7),
    curve=0.3,
    gamma=1.0,
)


def real_spine(subject: Subject) -> Spine:
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
    patient = draw_patient(spine, rng)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, beam in (("ap", subject.geometry.ap), ("lat", subject.geometry.lat)):
        attenuation = attenuation_of(spine, patient, beam, rng)
        film = develop(attenuation, TECHNIQUE.at_pitch(COLUMNS // 512), rng)
        Image.fromarray(grey16(film)).save(arguments.out / f"{name}.png", optimize=True)
    (arguments.out / "calibration.json").write_text(subject.calibration.model_dump_json(indent=1) + "\n")


def grey16(film: NDArray[np.float32]) -> NDArray[np.uint16]:
    """12 significant bits in 16, as detectors deliver."""
    scaled = np.clip((film - film.min()) / (film.max() - film.min()), 0.0, 1.0)
    return (np.round(scaled * 1023.0) * 64.0).astype(np.uint16)


if __name__ == "__main__":
    main()
