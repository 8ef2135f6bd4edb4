"""Size of what the networks draw, by the renderer of the bones: ``python -m benchmarks.bone_edges --data DIR``.

The same people filmed twice, in the same surroundings, room and technique: bones as the simulator renders them (path
lengths between two surfaces, a sharp shell) and as voxels whose density falls off from the surface (``voxel_film``).
Held-out simulated patients, whose true measurements are exact, and real people, whose truth is the shape model fitted
to their surfaces in 3D. A network that has learned one sort of edge draws bones with another one too small. Patients
from ``--first`` on: others than those on whom the training's edges were chosen. Writes
``benchmarks/results/bone_edges.{json,md}``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.demo_pair import real_spine
from benchmarks.known_people import KnownPatients
from benchmarks.machine import describe
from benchmarks.measurements import Deviations, compare, truth_of
from benchmarks.network_measure import network_view
from benchmarks.records import write
from benchmarks.subject_films import SEED, bone_volume
from benchmarks.subjects import COMPLETE_SUBJECTS, load_subject
from benchmarks.third_look import answered_with
from benchmarks.voxel_film import cast
from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Image
from lumbar3d.contracts import Measurement
from lumbar3d.detection.result import Detection
from lumbar3d.detector import Detector
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.drr.factory import create_projector
from lumbar3d.errors import RejectedError
from lumbar3d.geometry.projection import Projection
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.report import measure
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.habitus import Habitus
from lumbar3d.training.radiographs.patient import vertebrae
from lumbar3d.training.radiographs.simulate import BoneImage, photograph
from lumbar3d.training.radiographs.spine import Spine

FIRST_PATIENT = 972
OUTLINE_OPACITY = 0.25
HEIGHTS = tuple(f"body_height_{place}" for place in ("anterior", "middle", "posterior"))
FIGURES: dict[str, tuple[str, ...]] = {
    "body heights, mm": HEIGHTS,
    "disc heights, mm": ("disc_height_middle",),
    "volume, cm3": ("vertebra_volume",),
    "end plate width, mm": ("endplate_width_superior", "endplate_width_inferior"),
}
"""Means of found - true, by heading."""


def voxels(spine: Spine, _: Image, habitus: Habitus, beam: Projection, _rng: np.random.Generator) -> Image:
    """Dense bone in T11 .. L5 by the second renderer, in the place of ``patient.vertebrae``."""
    meshes = [vertebra.mesh for vertebra in (*spine.lumbar, *spine.thoracic)]
    return cast(bone_volume(meshes, habitus, SEED), beam)


RENDERERS: dict[str, BoneImage] = {"sharp shell (the simulator's)": vertebrae, "voxels": voxels}


@dataclass(frozen=True, eq=False)
class EdgeCase:
    """One pair of films, and what is true of it; ``broken`` levels are in no figure."""

    views: tuple[NetworkView, NetworkView]
    truth: Sequence[Measurement]
    meshes: Sequence[TriangleMesh]
    broken: frozenset[str]


class EdgeBench:
    """Models, networks and projector, loaded once."""

    def __init__(self, assets: Path | None) -> None:
        self.store = AssetStore.open(assets)
        self.models, self.detector = load_shape_models(self.store), Detector.load(self.store)
        self.projector, self.patients = create_projector("cpu"), KnownPatients(self.models)

    def drawn(self, numbers: Sequence[int], bones: BoneImage) -> Iterator[EdgeCase]:
        """Held-out patients."""
        for number in numbers:
            known = self.patients.patient(HELD_OUT_SEEDS[number], bones=bones)
            meshes = [vertebra.mesh for vertebra in known.spine.lumbar]
            yield EdgeCase(known.views, measure(known.whole), meshes, known.broken)

    def real(self, data: Path, bones: BoneImage) -> Iterator[EdgeCase]:
        """Real people."""
        for place, name in enumerate(COMPLETE_SUBJECTS):
            subject = load_subject(data, name)
            beams = (subject.geometry.ap, subject.geometry.lat)
            ap, lat = photograph(real_spine(subject), beams, 1, np.random.default_rng([SEED, place]), bones=bones)
            meshes = [subject.meshes_world[level] for level in LEVELS]
            views = network_view(ap), network_view(lat)
            yield EdgeCase(views, truth_of(subject, self.models), meshes, subject.deformed_levels)

    def row(self, cases: Iterator[EdgeCase]) -> dict[str, float | int]:
        """Means over the answered pairs of one renderer."""
        deviations: Deviations = {}
        areas, surfaces, refused = [], [], 0
        for case in cases:
            try:
                drawn, fit = answered_with(self.detector, self.models, self.projector, case.views)
            except RejectedError:
                refused += 1
                continue
            for code, pairs in compare(case.truth, measure(fit.vertebrae), case.broken).items():
                deviations.setdefault(code, []).extend(pairs)
            areas.append(self._areas(drawn, case.meshes))
            surfaces += [
                vertex_to_surface_mm(vertebra.vertices_world(vertebra.model.fit_vertices), mesh).mean()
                for vertebra, mesh in zip(fit.vertebrae, case.meshes, strict=True)
                if vertebra.level not in case.broken
            ]
        ap, lat = np.mean(areas, axis=0)
        found: dict[str, float | int] = {"pairs": len(areas), "refused": refused}
        found |= {"area AP, %": round(100 * float(ap), 1), "area LAT, %": round(100 * float(lat), 1)}
        for heading, codes in FIGURES.items():
            found[heading] = round(float(np.mean([pair[0] for code in codes for pair in deviations[code]])), 2)
        return {**found, "surface, mm": round(float(np.mean(surfaces)), 2)}

    def _areas(self, drawn: Detection, meshes: Sequence[TriangleMesh]) -> tuple[float, float]:
        """Area drawn over true area of the lumbar vertebrae, AP and LAT."""
        shares = []
        for view in drawn.views:
            true = drr_from_path_length(self.projector.path_lengths_mm(list(meshes), view.projection))
            shares.append((view.decomposition > OUTLINE_OPACITY).sum() / (true > OUTLINE_OPACITY).sum())
        return shares[0], shares[1]


def table(rows: Mapping[str, Mapping[str, float | int]], record: Mapping[str, object]) -> str:
    """Markdown."""
    headings = list(next(iter(rows.values())))
    lines = ["# Size of what the networks draw, by the renderer of the bones", "", "Simulated films.", ""]
    lines += ["| people, bones | " + " | ".join(headings) + " |", "|---" * (len(headings) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(str(row[heading]) for heading in headings) + " |" for name, row in rows.items()
    ]
    lines += [
        "",
        "Areas: outlines at a quarter of full opacity, found over true. Heights, volumes, widths: mean found - true.",
        "",
    ]
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in record.items()), ""])


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--patients", type=int, default=8)
    parser.add_argument("--first", type=int, default=FIRST_PATIENT)
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    bench, rows = EdgeBench(arguments.assets), {}
    numbers = range(arguments.first, arguments.first + arguments.patients)
    people: dict[str, Callable[[BoneImage], Iterator[EdgeCase]]] = {
        "simulated patients": lambda bones: bench.drawn(numbers, bones),
        "real people": lambda bones: bench.real(arguments.data, bones),
    }
    for whose, cases in people.items():
        for how, bones in RENDERERS.items():
            rows[f"{whose}, {how}"] = bench.row(cases(bones))
    record = {
        "first patient": arguments.first,
        "assets": {name: bench.store.describe(name).version for name in ("network", "refiner")},
        "machine": describe("numpy", "numba", "onnxruntime"),
    }
    write(arguments.out, "bone_edges", {**record, "rows": rows}, table(rows, record))


if __name__ == "__main__":
    main()
