"""Registration accuracy and time from spoiled decomposition images: our fit beside the paper's BOBYQA.

``python -m benchmarks.registration --data DIR [--quick]``: people of ``benchmarks.subjects`` posed as standing spines,
and single L1 of others on a borrowed spine (``lone_l1``); decomposition images are rendered from the **real** meshes,
then spoiled (``simulated_detection``), of a cone-beam pair and of a slot scanner. No network here. BOBYQA runs until
it stops by itself. Writes
``benchmarks/results/registration.{json,md}``, about ten CPU minutes; ``--only CONDITION`` measures the conditions that
it names and keeps what is stored of the others. The constants were chosen on simulated instances
and patients, but the people were scored several times on the way: mildly optimistic.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from lumbar3d.constants import flat

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

from benchmarks import bobyqa_trace, lone_l1
from benchmarks.machine import describe
from benchmarks.registration_cases import CONDITIONS, RegistrationCase, score, simulate
from benchmarks.registration_report import put_in_place, write
from benchmarks.registration_run import BOBYQA, GAUSS_NEWTON, INITIAL, PAPER_SIZED, Run
from benchmarks.subjects import COMPLETE_SUBJECTS, SlotRoom, load_subject
from lumbar3d.anatomy import LEVELS
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.quality import judge_levels
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.register import register
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel

SLOT_SCANNER = "as the design, slot scanner"
"""The first condition in front of two fan beams that travel."""
EVALUATIONS = (1000, 3000)
"""Where BOBYQA is also looked at on its way."""
EVALUATIONS_AT_MOST = 30_000
RESULTS = Path(__file__).parent / "results"
REPEATS = 3
"""Of a fit that is timed beside BOBYQA."""


def cases_of(condition: str, data: Path, names: Sequence[str], draws: Iterable[int]) -> list[RegistrationCase]:
    """Everybody under one condition; the same draws spoil the images of a slot scanner."""
    is_slot = condition == SLOT_SCANNER
    spoiled = next(iter(CONDITIONS)) if is_slot else condition
    people = [load_subject(data, name, SlotRoom() if is_slot else None) for name in names]
    return [replace(simulate(person, spoiled, draw), condition=condition) for person in people for draw in draws]


def run(case: RegistrationCase, models: Sequence[ShapeModel], label: str, constants: RegistrationConstants) -> Run:
    """Reconstruct with Gauss-Newton, time, judge and score one case."""
    wall, cpu = time.perf_counter(), time.process_time()
    fitted = register(models, case.simulated.detection, CpuProjector(), constants)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    judged = judge_levels(fitted)
    levels = tuple(score(case.subject, fitted, row, judged[row]) for row in range(len(LEVELS)))
    return Run.of(label, case, models[0].rank, fitted.evaluations, (wall, cpu), levels)


def beside_bobyqa(case: RegistrationCase, models: Sequence[ShapeModel], constants: RegistrationConstants) -> list[Run]:
    """One case by every method, one after the other on the same machine."""
    small = [model.truncated(constants.bobyqa_modes) for model in models]
    timed = [min((run(case, models, GAUSS_NEWTON, constants) for _ in range(REPEATS)), key=lambda found: found.wall_s)]
    timed += [min((run(case, small, PAPER_SIZED, constants) for _ in range(REPEATS)), key=lambda found: found.wall_s)]
    traced = bobyqa_trace.trace(case, small, replace(constants, bobyqa_evaluations=EVALUATIONS_AT_MOST))
    seconds = (traced.wall_s / traced.evaluations, traced.cpu_s / traced.evaluations)
    settled = traced.settled()
    stops = {f"{BOBYQA}, {count} evaluations at most": min(count, traced.evaluations) for count in EVALUATIONS}
    stops |= {f"{BOBYQA}, error within 0.01 mm of its least": settled, f"{BOBYQA}, to its own stop": traced.evaluations}
    for label, count in ({INITIAL: 1} | stops).items():
        spent = (count * seconds[0], count * seconds[1])
        timed.append(Run.of(label, case, constants.bobyqa_modes, count, spent, traced.errors(count)))
    return timed


def main() -> None:
    """Measure everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--quick", action="store_true", help="one person, one draw; no file written")
    parser.add_argument("--draws", type=int, default=3, help="draws of the errors per person and condition")
    parser.add_argument("--no-bobyqa", action="store_true", help="ours alone")
    conditions = (*CONDITIONS, SLOT_SCANNER)
    parser.add_argument(
        "--only", nargs="+", choices=conditions, help="conditions to measure; the others stay as stored"
    )
    arguments = parser.parse_args()
    models = load_shape_models(AssetStore.open())
    names, draws = (COMPLETE_SUBJECTS[:1], 1) if arguments.quick else (COMPLETE_SUBJECTS, arguments.draws)
    constants = RegistrationConstants()
    cases = [
        case for name in arguments.only or conditions for case in cases_of(name, arguments.data, names, range(draws))
    ]
    run(cases[0], models, GAUSS_NEWTON, constants)  # compiles and loads
    runs = [run(case, models, GAUSS_NEWTON, constants) for case in cases]
    if arguments.only:
        put_in_place(runs, None if arguments.quick else RESULTS)
        return
    people = [load_subject(arguments.data, name) for name in names]
    first = [simulate(person, next(iter(CONDITIONS)), 0) for person in people]
    timed = [] if arguments.no_bobyqa else [found for case in first for found in beside_bobyqa(case, models, constants)]
    lone = []
    for name in list(lone_l1.FILES)[:: 6 if arguments.quick else 1]:
        subject = lone_l1.borrowed_spine(arguments.data, name)
        borrowed = [simulate(subject, next(iter(CONDITIONS)), draw) for draw in range(draws)]
        lone += [run(case, models, GAUSS_NEWTON, constants) for case in borrowed]
    record = {
        "machine": describe("numpy", "scipy", "numba", "nlopt"),
        "assets": {model.level: f"{model.version} {model.sha256[:12]}" for model in models},
        "conditions": {name: condition.record() for name, condition in CONDITIONS.items()},
        "constants": flat(constants),
    }
    write(runs, timed, lone, record, None if arguments.quick else RESULTS)


if __name__ == "__main__":
    main()
