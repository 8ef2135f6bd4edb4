"""Third look of the refiner, guided by the fitted model: ``python -m benchmarks.third_look --data DIR``.

After the registration the five fitted vertebrae are rendered in both views; these images take the place of the first
network's as the refiner's guide, crops are cut around the fitted landmarks, and the fit goes on from where it was with
what the refiner draws now (``Detector.third_look``). Each case is fitted both ways from one detection, so that
differences are those of the look alone. Writes ``benchmarks/results/third_look.md``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.machine import describe
from benchmarks.network_measure import network_view
from benchmarks.subject_films import COLUMNS, photograph
from benchmarks.subjects import COMPLETE_SUBJECTS, Room, load_subject
from lumbar3d.anatomy import LANDMARKS, LEVELS
from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection
from lumbar3d.detector import Detector
from lumbar3d.drr.factory import create_projector
from lumbar3d.drr.projector import Projector
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.guides import guides
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.refit import refit
from lumbar3d.registration.register import register
from lumbar3d.registration.result import Registration
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.simulate import Simulator

FIRST_PATIENT = 900


@dataclass(frozen=True, eq=False)
class FilmedCase:
    """One pair of films with the true surfaces; a deformed vertebra has none."""

    person: str
    views: tuple[NetworkView, NetworkView]
    surfaces: tuple[TriangleMesh | None, ...]
    landmarks: Array


def answered(
    detector: Detector, models: Sequence[ShapeModel], projector: Projector, views: tuple[NetworkView, NetworkView]
) -> tuple[Registration, Registration]:
    """The fit after two looks and after three, as the pipeline does it.

    Raises
    ------
    RejectedError
        The films are refused.
    """
    before, _, after = _looked(detector, models, projector, views)
    return before, after


def answered_with(
    detector: Detector, models: Sequence[ShapeModel], projector: Projector, views: tuple[NetworkView, NetworkView]
) -> tuple[Detection, Registration]:
    """The third look, and the fit of what it shows; raises as ``answered``."""
    return _looked(detector, models, projector, views)[1:]


def _looked(
    detector: Detector, models: Sequence[ShapeModel], projector: Projector, views: tuple[NetworkView, NetworkView]
) -> tuple[Registration, Detection, Registration]:
    constants = RegistrationConstants()
    found = detector.detect(*views)
    before = register(models, found, projector, constants)
    again = detector.third_look(found, guides(before.vertebrae, found, projector))
    starts = [Parameters(each.world_from_model, each.coefficients) for each in before.vertebrae]
    task = FitProblem(models, again, projector, constants)
    return before, again, refit(task, triangulate_landmarks(again, constants), starts, before.method)


@dataclass(frozen=True)
class LookOutcome:
    """One person fitted one way, sound vertebrae: means over them.

    ``tip_mm`` is the error of both transverse processes' tips, ``rms_mm`` the surface's, beside ``stated_mm``.
    """

    person: str
    looks: str
    mean_mm: float
    rms_mm: float
    stated_mm: float
    tip_mm: float


class LookBench:
    """Models, networks, projector and simulator, loaded once."""

    def __init__(self) -> None:
        store = AssetStore.open()
        self.models, self.detector = load_shape_models(store), Detector.load(store)
        self.projector, self.simulator = create_projector("cpu"), Simulator(self.models)

    def both(self, case: FilmedCase) -> list[LookOutcome]:
        """With two looks, as the product, and with a third; nothing where the films are refused."""
        try:
            before, after = answered(self.detector, self.models, self.projector, case.views)
        except RejectedError:
            return []
        return [
            _outcome(case, "two", before.vertebrae, before.surface_sigma_mm),
            _outcome(case, "three", after.vertebrae, after.surface_sigma_mm),
        ]

    def real(self, data: Path, name: str, draw: int) -> FilmedCase:
        """A person of the benchmarks, by the second renderer."""
        subject = load_subject(data, name, Room(columns=COLUMNS))
        with tempfile.TemporaryDirectory() as folder:
            views, _ = read_pair(photograph(subject, draw, Path(folder)), subject.calibration)
        meshes = tuple(None if each in subject.deformed_levels else subject.meshes_world[each] for each in LEVELS)
        landmarks = np.stack([subject.landmarks_world[each] for each in LEVELS])
        return FilmedCase(f"{name}, exposure {draw}", views, meshes, landmarks)

    def drawn(self, number: int) -> FilmedCase:
        """A held-out simulated patient."""
        seed = HELD_OUT_SEEDS[number]
        spine = self.simulator.spine(seed)
        ap, lat = (network_view(view) for view in self.simulator.pair(seed))
        broken = [any("fracture" in found and found.endswith(each) for found in spine.diagnoses) for each in LEVELS]
        meshes = tuple(None if bad else each.mesh for each, bad in zip(spine.lumbar, broken, strict=True))
        return FilmedCase(f"patient {seed}", (ap, lat), meshes, np.stack([each.landmarks_mm for each in spine.lumbar]))


def _outcome(case: FilmedCase, looks: str, vertebrae: Sequence[FittedVertebra], stated_mm: Array) -> LookOutcome:
    rows = [row for row, surface in enumerate(case.surfaces) if surface is not None]
    errors, tips = [], []
    for row in rows:
        vertebra, surface = vertebrae[row], case.surfaces[row]
        assert surface is not None  # of the rows that were chosen
        errors.append(vertex_to_surface_mm(vertebra.vertices_world(vertebra.model.fit_vertices), surface))
        off = vertebra.landmarks_world() - case.landmarks[row]
        tips.append(np.linalg.norm(off[[LANDMARKS.index("tp_left"), LANDMARKS.index("tp_right")]], axis=1).mean())
    return LookOutcome(
        person=case.person,
        looks=looks,
        mean_mm=float(np.mean([error.mean() for error in errors])),
        rms_mm=float(np.mean([np.sqrt(np.mean(error**2)) for error in errors])),
        stated_mm=float(np.mean(stated_mm[rows])),
        tip_mm=float(np.mean(tips)),
    )


def table(outcomes: Sequence[LookOutcome]) -> list[str]:
    """Means by kind of person, and the paired difference with its standard error over films."""
    rows = [
        "| people | pairs of films | looks | mean mm | RMS | stated | tips of transverse processes |",
        "|---" * 7 + "|",
    ]
    for kind in ("patient", "verse", "vhm"):
        mine = [each for each in outcomes if each.person.startswith(kind)]
        for looks in ("two", "three"):
            chosen = [each for each in mine if each.looks == looks]
            if chosen:
                cells = [np.mean([getattr(each, name) for each in chosen]) for name in FIELDS]
                numbers = " | ".join(f"{cell:.3f}" for cell in cells)
                rows.append(f"| {kind} | {len(chosen)} | {looks} | {numbers} |")
    before, after = ([each.mean_mm for each in outcomes if each.looks == looks] for looks in ("two", "three"))
    gain = np.subtract(after, before)
    spread = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else float("nan")
    return [*rows, "", f"- third look, mean error: {gain.mean():+.3f} +- {spread:.3f} mm over {len(gain)} pairs"]


FIELDS = ("mean_mm", "rms_mm", "stated_mm", "tip_mm")


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--draws", type=int, default=2, help="exposures per real person")
    parser.add_argument("--patients", type=int, default=6, help="held-out simulated patients")
    arguments = parser.parse_args()
    bench = LookBench()
    cases: Iterator[FilmedCase] = itertools.chain(
        (bench.real(arguments.data, name, draw) for name in COMPLETE_SUBJECTS for draw in range(arguments.draws)),
        (bench.drawn(FIRST_PATIENT + number) for number in range(arguments.patients)),
    )
    outcomes = [outcome for case in cases for outcome in bench.both(case)]
    store = AssetStore.open()
    assets = {name: store.describe(name).version for name in ("network", "refiner", "ssm_L3")}
    text = ["## Third look of the refiner, guided by the fitted model", "", *table(outcomes)]
    text += [f"- assets: {assets}", f"- machine: {describe('numpy', 'numba', 'onnxruntime')}"]
    print("\n".join(text))
    (Path(__file__).parent / "results" / "third_look.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
