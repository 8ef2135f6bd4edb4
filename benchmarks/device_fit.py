"""Fit in lockstep on a GPU against the CPU's, for ``benchmarks.speed``: time by the clock, and the differences."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from statistics import median

import numpy as np

from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.pipeline import Engine
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.register import fit_spine
from lumbar3d.registration.result import Registration
from lumbar3d.registration.rough_fits import mirrored_log_ratios

REPEATS = 5
GPU, CPU = "GPU", "CPU"
PARTS = ("mirror test", "fit with posterior")


def compared(engine: Engine, detection: Detection) -> dict[str, float]:
    """Seconds of each part on both, medians in turns after one that does not count; the differences of the answers."""
    ours = FitProblem(engine.models, detection, engine.projector, engine.constants)
    if ours.device is None:
        raise SystemExit("the engine was not loaded for a GPU")
    tasks = {GPU: ours, CPU: replace(ours, projector=CpuProjector())}
    landmarks = triangulate_landmarks(detection, engine.constants)
    taken: dict[str, list[float]] = {f"{part}, {where}": [] for part in PARTS for where in tasks}
    spines: dict[str, Registration] = {}
    for _ in range(1 + REPEATS):
        for where, task in tasks.items():
            taken[f"{PARTS[0]}, {where}"].append(clock_s(partial(mirrored_log_ratios, task, landmarks)))
            begun_s = time.perf_counter()
            spines[where] = fit_spine(task, landmarks)
            taken[f"{PARTS[1]}, {where}"].append(time.perf_counter() - begun_s)
    return {name: median(runs[1:]) for name, runs in taken.items()} | apart(spines[GPU], spines[CPU])


def clock_s(work: Callable[[], object]) -> float:
    """Time by the clock."""
    begun_s = time.perf_counter()
    work()
    return time.perf_counter() - begun_s


def apart(found: Registration, expected: Registration) -> dict[str, float]:
    """Largest distance of a vertex in mm, largest share by which a parameter's standard error differs."""
    vertices_mm, shares = [], []
    for one, other in zip(found.vertebrae, expected.vertebrae, strict=True):
        vertices_mm.append(np.linalg.norm(one.vertices_world() - other.vertices_world(), axis=1).max())
        assert one.covariance is not None and other.covariance is not None
        shares.append(np.abs(np.sqrt(np.diag(one.covariance) / np.diag(other.covariance)) - 1.0).max())
    return {"vertices, mm": float(max(vertices_mm)), "standard errors, share": float(max(shares))}


def rows(found: Mapping[str, float]) -> list[str]:
    """A table; without figures it says that no GPU ran."""
    lines = ["", "| by the clock | GPU, s | CPU, s | ratio |", "|---|---|---|---|"]
    if not found:
        return [*lines, *(f"| {part} | not run | | |" for part in PARTS)]
    for part in PARTS:
        gpu_s, cpu_s = found[f"{part}, {GPU}"], found[f"{part}, {CPU}"]
        lines.append(f"| {part} | {gpu_s:.4f} | {cpu_s:.3f} | {gpu_s / cpu_s:.3f} |")
    off_mm, share = found["vertices, mm"], found["standard errors, share"]
    return [*lines, "", f"Largest difference of a vertex {off_mm:.1e} mm, of a standard error {100 * share:.1e} %."]
