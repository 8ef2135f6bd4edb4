"""Processor time of a job, stage by stage, in pairs: ``python -m benchmarks.speed``.

The demonstration pair (simulated films) through the shipped engine, again and again in one process; every comparison is
made in the same run, turn by turn, so that its ratio holds on a machine that does other things too:

- reading: forks of one codec server against a Python process for every film, as it was done before;
- export: against the same with the overlay picture drawn and the zip deflated in every job, as before;
- the fit: Gauss-Newton against 1000 evaluations of BOBYQA, the paper's optimiser, from the same landmarks.

Processor time counts every thread and child. ``--no-bobyqa`` leaves the slow one out. With ``--device gpu`` the mirror
test and the fit are timed by the clock on the GPU and on the CPU (``device_fit``); without, their rows say so. Writes
``benchmarks/results/speed.{json,md}``.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

from benchmarks import device_fit
from benchmarks.machine import describe
from benchmarks.records import write
from lumbar3d.artifacts import IMAGE, MESHES, OVERLAY
from lumbar3d.contracts import VIEWS, Calibration, ReconstructOptions, Stage
from lumbar3d.drr.gpu import device_count
from lumbar3d.engines.protocol import FoundPair
from lumbar3d.export.archive import unzipped
from lumbar3d.export.picture import png_of_stored
from lumbar3d.imaging.codec_server import SERVERS
from lumbar3d.imaging.pair import read_pair
from lumbar3d.pipeline import Engine
from lumbar3d.registration.initialise import triangulate_landmarks

DEMO = Path(__file__).resolve().parents[1] / "demo"
FILMS = (DEMO / "ap.png", DEMO / "lat.png")
REPEATS = 3
PAIRS = 5
"""Pairs that are read in one measurement: a server's start is divided among them."""
A_PROCESS = "import sys, imagecodecs, numpy; imagecodecs.png_decode(sys.stdin.buffer.read())"
"""What a process for every film did, at the least."""
Seconds = dict[str, float]


def cpu_s() -> float:
    """Of this process and of the children that have ended."""
    return sum(own_and_children_s())


def own_and_children_s() -> tuple[float, float]:
    """Processor time of this process, and of its children that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def taken_s(work: Callable[[], object]) -> float:
    """Processor time of some work."""
    begun_s = cpu_s()
    work()
    return cpu_s() - begun_s


def reading(calibration: Calibration) -> Seconds:
    """A pair read: the worker's part, that of the codec server and its forks, and what a process a film takes."""

    def by_processes() -> None:
        for path in FILMS:
            subprocess.run([sys.executable, "-I", "-c", A_PROCESS], input=path.read_bytes(), check=True)

    SERVERS.close()
    begun_s = own_and_children_s()
    for _ in range(PAIRS):
        read_pair(FILMS, calibration)
    SERVERS.close()
    own_s, codecs_s = (end_s - start_s for start_s, end_s in zip(begun_s, own_and_children_s(), strict=True))
    return {"read": own_s / PAIRS, "codecs": codecs_s / PAIRS, "processes": taken_s(by_processes)}


def job(engine: Engine, calibration: Calibration, folder: Path) -> Seconds:
    """Stages of a job but for reading, which ``reading`` measures with its children."""
    marks: list[tuple[str, float]] = []

    def note(stage: Stage, _progress: float) -> None:
        if not marks or marks[-1][0] != stage.value:
            marks.append((stage.value, cpu_s()))

    engine.run(*FILMS, calibration, ReconstructOptions(), folder, note)
    ends = [*(at_s for _, at_s in marks[1:]), cpu_s()]
    took = {stage: end_s - begun_s for (stage, begun_s), end_s in zip(marks, ends, strict=True)}
    del took[Stage.READ.value]
    return took


def not_made(folder: Path) -> Seconds:
    """What export did before: the overlay picture and a deflated zip."""
    stored = [(folder / OVERLAY.file).read_bytes(), *((folder / IMAGE.name(view)).read_bytes() for view in VIEWS)]
    meshes = unzipped((folder / MESHES.file).read_bytes())

    def deflate() -> None:
        with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in meshes.items():
                archive.writestr(name, content)

    return {"overlay picture": taken_s(lambda: png_of_stored(*stored)), "deflated zip": taken_s(deflate)}


def detected(engine: Engine, calibration: Calibration) -> FoundPair:
    """What the networks find in the films."""
    views, _ = read_pair(FILMS, calibration)
    detection = engine.detector.detect(*views)
    landmarks = triangulate_landmarks(detection, engine.constants)
    return FoundPair(detection.sources or views, detection, landmarks)


def fits(engine: Engine, pair: FoundPair, with_bobyqa: bool) -> Seconds:
    """The fit of the whole spine by both optimisers from the same landmarks, posterior included."""
    spine = engine.engines["shape_model"]
    took = {}
    for method in ("gauss_newton", "bobyqa") if with_bobyqa else ("gauss_newton",):
        options = ReconstructOptions.model_validate({"method": method})
        took[method] = taken_s(partial(spine.reconstruct, pair, options, lambda _: None))
    return took


def middle(runs: list[Seconds]) -> Seconds:
    """Median of each part."""
    return {name: median(run[name] for run in runs) for name in runs[0]}


def measured(engine: Engine, with_bobyqa: bool, has_gpu: bool) -> dict[str, Seconds]:
    """Every part, turn by turn; the first turn warms up and does not count."""
    calibration = Calibration.model_validate_json((DEMO / "calibration.json").read_text())
    read, stages, before = [], [], []
    for _ in range(1 + REPEATS):
        with TemporaryDirectory() as name:
            read.append(reading(calibration))
            stages.append(job(engine, calibration, Path(name)))
            before.append(not_made(Path(name)))
    pair = detected(engine, calibration)
    return {
        "read": middle(read[1:]),
        "stages": middle(stages[1:]),
        "before": middle(before[1:]),
        "fits": fits(engine, pair, with_bobyqa),
        "device": device_fit.compared(engine, pair.detection) if has_gpu else {},
    }


def markdown(found: Mapping[str, Seconds], record: Mapping[str, object], has_gpu: bool) -> str:
    """The tables and their conditions."""
    read = found["read"]
    stages = {"read": read["read"], "read, codecs": read["codecs"], **found["stages"]}
    whole_s, saved_s = sum(stages.values()), sum(found["before"].values())
    lines = ["## Processor time of a job", "", "| stage | CPU s | share |", "|---|---|---|"]
    lines += [f"| {name} | {took:.2f} | {100 * took / whole_s:.0f} % |" for name, took in stages.items()]
    lines += [f"| whole job | {whole_s:.2f} | 100 % |", *([] if has_gpu else ["| whole job on a GPU | not run | |"])]
    lines += ["", "| compared in one run | CPU s | CPU s | ratio |", "|---|---|---|---|"]
    rows = {
        "codecs of a pair: forks of a server; a process for every film": (read["codecs"], read["processes"]),
        "export: now; with picture and deflated zip": (stages["export"], stages["export"] + saved_s),
        "whole job: now; with all of these": (whole_s, whole_s - read["codecs"] + read["processes"] + saved_s),
    }
    if "bobyqa" in found["fits"]:
        rows["fit of five levels with posterior: Gauss-Newton; BOBYQA, 1000 evaluations"] = (
            found["fits"]["gauss_newton"],
            found["fits"]["bobyqa"],
        )
    lines += [f"| {name} | {now:.2f} | {other:.2f} | {now / other:.2f} |" for name, (now, other) in rows.items()]
    lines += device_fit.rows(found["device"])
    lines += [
        "",
        f"The demonstration pair (simulated films). Medians of {REPEATS} turns after the first; the fits once.",
        f"Processor time of all threads and children; codecs with a share of their server's start (1 in {PAIRS}).",
        "",
        *(f"- {name}: {value}" for name, value in record.items()),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--no-bobyqa", action="store_true")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    arguments = parser.parse_args()
    has_gpu = arguments.device == "gpu"
    found = measured(Engine.load(device=arguments.device), not arguments.no_bobyqa, has_gpu)
    record: dict[str, Any] = describe("numpy", "numba", "onnxruntime", "imagecodecs")
    record |= {"device": arguments.device, "CUDA devices": device_count()}
    table = markdown(found, record, has_gpu)
    write(arguments.out, "speed", {**found, "machine": record}, table)


if __name__ == "__main__":
    main()
