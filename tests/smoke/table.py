"""Table of the tiny cases: every ``main`` of benchmarks and of training, with its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lumbar3d.training.shape_model.gaussian_process import ProcessSettings


@dataclass(frozen=True)
class Tiny:
    """One run.

    ``arguments`` may hold ``{out}`` (an empty folder), ``{data}`` (surfaces as of real people, ``people``),
    ``{assets}`` (a copy of the shipped assets), ``{root}`` (of the repository) and ``{trained}`` (folders ``coarse``,
    ``refiner``: a tiny training).
    ``smaller`` replaces constants of the module for this run. ``only_help`` says why nothing but ``--help`` is run.
    """

    arguments: str = ""
    smaller: Mapping[str, Any] = field(default_factory=dict)
    only_help: str = ""


FEW_FUNCTIONS = ProcessSettings(
    lengths_mm=(8.0,), sds_mm=(0.4,), adjacent_correlations=(0.0,), side_coupling=0.0, body_amplitude=1.0, functions=12
)
ONE_PERSON = {"COMPLETE_SUBJECTS": ("verse005",)}

MAINS: dict[str, Tiny] = {
    "benchmarks.ablation": Tiny(
        "--work {out}/work --pairs 1 --epochs 1 --held-out 1 --seeds 1 --variants no_fusion --out {out}/a.json",
        {"BATCH": 2},
    ),
    "benchmarks.bone_edges": Tiny("--data {data} --patients 1 --out {out}", ONE_PERSON),
    "benchmarks.bridge": Tiny(only_help="starts an archive, a bridge and a service, and fits in each study: minutes"),
    "benchmarks.chaos": Tiny(
        only_help="starts a whole deployment and kills it; a short one is tests/integration/test_chaos.py"
    ),
    "benchmarks.cohort": Tiny("--work {out}/work --count 5 --out {out}", {"CHECKED_EVERY": 5}),
    "benchmarks.column_shift": Tiny("--out {out}"),
    "benchmarks.coverage": Tiny("--data {data} --draws 1 --patients 1 --picture {out}/p.png", ONE_PERSON),
    "benchmarks.decoding": Tiny("--out {out}", {"SIDE_PX": 256}),
    "benchmarks.deformity": Tiny("--people 1"),
    "benchmarks.demo_pair": Tiny("--data {data} --out {out}", {"COLUMNS": 512}),
    "benchmarks.end_to_end": Tiny("--data {data} --draws 1 --out {out}", ONE_PERSON),
    "benchmarks.field": Tiny("--data {data} --draws 1", ONE_PERSON),
    "benchmarks.free_form": Tiny("--people 1 --out {out}", {"FURTHER_MODES": 4, "DETAIL": FEW_FUNCTIONS}),
    "benchmarks.fractures": Tiny("--data {data} --draws 1 --out {out}", ONE_PERSON),
    "benchmarks.fuzz": Tiny(only_help="starts a deployment; a short one is tests/integration/test_fuzz.py"),
    "benchmarks.geometry": Tiny(
        "--data {data} --people verse005 --out {out}",
        {"DISTURBANCES": {"none": (0.0,) * 4, "turn": (0.0, 0.0, 0.0, 2.0)}},
    ),
    "benchmarks.growth": Tiny(
        "--out {out}",
        {"ROWS": (10, 300), "QUEUES": (1,), "QUEUE_ROWS": 50, "SIDES_PX": (512,), "REPEATS": 2, "PAIRS": 1},
    ),
    "benchmarks.inputs": Tiny(only_help="a folder of cases: not in this repository"),
    "benchmarks.joint_prior": Tiny("--people 1 --conditions 'worse images' --out {out}"),
    "benchmarks.landmark_confidence": Tiny("--patients 1 --out {out}/c.json"),
    "benchmarks.load": Tiny(only_help="starts whole deployments and a database for four measurements: minutes"),
    "benchmarks.lone_l1": Tiny("--data {data}", {"FILES": {"verse016": "016.ply"}}),
    "benchmarks.lumbar_counts": Tiny("--patients 1 --out {out}", {"COUNTS": (6,)}),
    "benchmarks.measurement_page": Tiny("--check"),
    "benchmarks.measurements": Tiny("--data {data} --draws 1", ONE_PERSON),
    "benchmarks.mirror": Tiny("--patients 1 --out {out}/mirror.md"),
    "benchmarks.mirror_scans": Tiny("--data {data} --out {out}", ONE_PERSON),
    "benchmarks.network": Tiny("--patients 1 --out {out}/network.json"),
    "benchmarks.network_cost": Tiny("--out {out}", {"THREADS": (1,), "REPEATS": 1}),
    "benchmarks.network_films": Tiny(only_help="real films with outlines drawn by people: not in this repository"),
    "benchmarks.network_names": Tiny("--pairs 1 --out {out}"),
    "benchmarks.network_real": Tiny("--data {data} --draws 1 --out {out}", ONE_PERSON),
    "benchmarks.network_refusal": Tiny("--patients 1 --out {out}/r.json"),
    "benchmarks.network_surroundings": Tiny("--data {data} --draws 1 --kinds 0 --out {out}", ONE_PERSON),
    "benchmarks.pages": Tiny("--check"),
    "benchmarks.population": Tiny("--count 7 --out {out}", {"PEOPLE_DRAWN": 40, "CHECKED": 2}),
    "benchmarks.projector": Tiny("--data {data}"),
    "benchmarks.quality": Tiny("--patients 1", {"LATERAL_ERRORS_MM": (0.0,)}),
    "benchmarks.registration": Tiny("--data {data} --quick --no-bobyqa"),
    "benchmarks.revision": Tiny(only_help="reconstructs the demonstration pair with both networks first"),
    "benchmarks.room_pictures": Tiny("--out {out}/p.png"),
    "benchmarks.hips": Tiny("--patients 1 --out {out}", {"PLACINGS": 2}),
    "benchmarks.sacrum": Tiny("--patients 1 --out {out}"),
    "benchmarks.serve": Tiny(only_help="starts whole deployments with their databases and fits in each: minutes"),
    "benchmarks.shape_model": Tiny("--data {data} --people verse012 --pictures {out}"),
    "benchmarks.shape_pictures": Tiny("--out {out}"),
    "benchmarks.speed": Tiny(only_help="reconstructs the demonstration pair with both networks first"),
    "benchmarks.subjects": Tiny("--data {data}"),
    "benchmarks.third_look": Tiny("--data {data} --draws 1 --patients 1", ONE_PERSON),
    "benchmarks.training_people": Tiny("--people 2 --out {out}"),
    "lumbar3d.training.network.calibrate": Tiny(
        "--assets {assets} --coarse {trained}/coarse --patients 1 --blocks 1 --out {out}/c.json"
    ),
    "lumbar3d.training.network.command": Tiny(only_help="both trainings run before export, on a handful of films"),
    "lumbar3d.training.network.export": Tiny(
        "--coarse {trained}/coarse --refiner {trained}/refiner --version 0 --out {assets}"
    ),
    "lumbar3d.training.network.out_of_distribution": Tiny("--assets {assets} --patients 6", {"AXES": (1,)}),
    "lumbar3d.training.network.plot_losses": Tiny("--folder {trained}/coarse --out {out}/losses.png"),
    "lumbar3d.training.network.average": Tiny("{trained}/coarse {trained}/coarse --out {out}/mean"),
    "lumbar3d.training.network.recover": Tiny("{assets}/refiner.onnx {out}/r.npz --coarse {trained}/coarse"),
    "lumbar3d.training.network.stated_errors": Tiny("--deviations {root}/tests/smoke/deviations.json --out {assets}"),
    "lumbar3d.training.population.picture": Tiny("--out {out}/p.png"),
    "lumbar3d.training.population.spines_picture": Tiny("--out {out}/p.png", {"SEARCHED": 40}),
    "lumbar3d.training.population.write": Tiny("--count 1 --out {out}"),
    "lumbar3d.training.radiographs.contact_sheet": Tiny("--out {out}/p.png", {"ROWS": 1, "PAIRS": 1}),
    "lumbar3d.training.radiographs.people_picture": Tiny("--out {out}/p.png", {"ROWS": 1, "COLUMNS": 1}),
    "lumbar3d.training.radiographs.write": Tiny("--count 1 --out {out}"),
    "lumbar3d.training.shape_model.build": Tiny(
        "--data {data} --out {out}", {"PITCH_MM": 1.2, "VERTEX_COUNT": 6000, "FIT_VERTEX_COUNT": 5000}
    ),
    "lumbar3d.training.shape_model.fractures": Tiny("--work {out}/work --out {assets} --persons 1"),
    "lumbar3d.training.surroundings.contact_sheet": Tiny("--out {out}/p.png", {"ROWS": 1, "COLUMNS": 1}),
}
"""Module name to its tiny case."""
COMMANDS = {
    "lumbar3d.training.cohort.commands": "tests/integration/test_cohort_build.py",
    "lumbar3d.training.network.command": "here",
}
"""Console commands of plug-ins, and where they are run."""
