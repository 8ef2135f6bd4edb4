"""Films of the same people in surroundings of several kinds; only what stands around the vertebrae changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter, zoom

from benchmarks.demo_pair import grey16, real_spine
from benchmarks.held_out_body import around, read_body
from benchmarks.subject_films import COLUMNS, SEED, bone_volume
from benchmarks.subjects import COMPLETE_SUBJECTS, RealSubject
from benchmarks.voxel_film import cast
from lumbar3d.arrays import Image
from lumbar3d.contracts import VIEWS
from lumbar3d.geometry.projection import Projection
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.film import draw_film, make_film
from lumbar3d.training.radiographs.habitus import draw_habitus
from lumbar3d.training.radiographs.patient import Patient, draw_patient, surroundings
from lumbar3d.training.radiographs.spectrum import Matter
from lumbar3d.training.surroundings.noise import cellular

Around = Callable[[Projection], Matter]

SIMULATOR, BODY, FILLED, CYLINDER, RANDOM, CELLS = (
    "the training simulator's",
    "a real body, kept out of training",
    "the same, its gas filled",
    "a water cylinder, no ribs, no pelvis",
    "random structure of 3 to 17 mm, the simulator's bones",
    "cells with walls (a kind never drawn in training), the simulator's bones",
)
KINDS = (SIMULATOR, BODY, FILLED, CYLINDER, RANDOM, CELLS)
CYLINDER_MM = (110.0, 160.0, 3000.0)
BESIDE_SPINE_MM = (35.0, 0.0, 0.0)
"""From L3 to the cylinder's axis."""
SIZES_MM, RMS_MM = (3.0, 8.0, 17.0), (2.0, 5.0, 6.0)
"""Of random structure, at the detector: size, and mm of water."""
CELL_MM, WALL_MM = 22.0, 40.0


def films(data: Path, subject: RealSubject, draw: int, kind: str, folder: Path) -> tuple[Path, Path]:
    """Write ``ap.png`` and ``lat.png``; exposure, processing and bones are the same in every kind."""
    place = COMPLETE_SUBJECTS.index(subject.name)
    spine, rng = real_spine(subject), np.random.default_rng([SEED, draw, place])
    patient = draw_patient(spine, draw_habitus(spine.age_years, spine.female, rng), rng)
    alone = kind in (BODY, FILLED, CYLINDER)
    shown = spine.lumbar if alone else (*spine.lumbar, *spine.thoracic)
    bones = bone_volume([vertebra.mesh for vertebra in shown], patient.habitus, SEED + draw)
    stands_in = _around(data, subject, patient, kind, np.random.default_rng([SEED, draw, place, KINDS.index(kind)]))
    for number, name in enumerate(VIEWS):
        beam = (subject.geometry.ap, subject.geometry.lat)[number]
        film_rng = np.random.default_rng([SEED, draw, place, 1000 + number])
        matter = stands_in(beam)
        whole = Matter(matter.soft_mm, matter.bone_mm + cast(bones, beam))
        film = make_film(whole, draw_film(name, film_rng).at_pitch(COLUMNS // 512), film_rng)
        Picture.fromarray(grey16(film)).save(folder / f"{name}.png")
    return folder / "ap.png", folder / "lat.png"


def _around(data: Path, subject: RealSubject, patient: Patient, kind: str, rng: np.random.Generator) -> Around:
    """What stands around the vertebrae, on the rays of any beam."""
    if kind in (BODY, FILLED):
        body = read_body(data, subject, kind == FILLED)
        return lambda beam: around(body, beam)
    if kind == CYLINDER:
        middle = subject.meshes_world["L3"].vertices.mean(axis=0)
        cylinder = Ellipsoids(256)
        cylinder.add(middle + np.array(BESIDE_SPINE_MM), np.array(CYLINDER_MM), 1.0)
        return lambda beam: Matter(cylinder.lengths_mm(beam), np.zeros((beam.rows, beam.columns), np.float32))
    structure = {RANDOM: _structure, CELLS: _cells}.get(kind)

    def stands(beam: Projection) -> Matter:
        found = surroundings(patient, beam, rng)
        if structure is None:
            return found
        inside = found.soft_mm > 20.0
        soft = np.where(inside, np.maximum(found.soft_mm + structure(beam, rng), 25.0), found.soft_mm)
        return Matter(soft.astype(np.float32), found.bone_mm)

    return stands


def _structure(beam: Projection, rng: np.random.Generator) -> Image:
    """Gaussian fields of three sizes, mm of water."""
    total = np.zeros((beam.rows, beam.columns), dtype=np.float32)
    for size_mm, rms_mm in zip(SIZES_MM, RMS_MM, strict=True):
        sigma = 0.5 * size_mm / beam.pixel_spacing_mm[0]
        field = gaussian_filter(rng.standard_normal(total.shape).astype(np.float32), sigma)
        total += np.float32(rms_mm / field.std()) * field
    return total


def _cells(beam: Projection, rng: np.random.Generator) -> Image:
    """Gas in cells, their walls and less of it between, mm of water."""
    size = beam.columns // 4
    cells = cellular(size, CELL_MM / (4 * beam.pixel_spacing_mm[0]), rng)
    return np.asarray(-WALL_MM * (1.0 - zoom(cells, 4, order=1)), dtype=np.float32)
