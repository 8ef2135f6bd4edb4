"""Time of a revision in one process, without service and queue: ``python -m benchmarks.revision``.

The demonstration pair is reconstructed, then corrected in the ways that a reader has: each is measured several times,
in CPU seconds (of all threads; they do not depend on what else the machine does) and in seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.processes import ROOT
from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import Calibration, ReconstructionResult, ReconstructOptions, Stage
from lumbar3d.edits import EDITS
from lumbar3d.worker.engine import load_engine
from lumbar3d.worker.settings import WorkerSettings

DEMO = ROOT / "demo"
RESULTS = ROOT / "benchmarks" / "results"


def edits_of(result: ReconstructionResult) -> dict[str, list[dict[str, Any]]]:
    """One landmark moved by 4 px, one removed, a choice of levels, new names."""
    (l3,) = [level for level in result.levels if level.level == "L3"]
    u, v = next(seen.position_px for seen in l3.landmarks[0].sightings if seen.view == "lat")
    landmark = {"view": "lat", "level": "L3", "landmark": l3.landmarks[0].name}
    return {
        "one landmark moved": [{"type": "set_landmark", "position_px": [u, v + 4.0], **landmark}],
        "one landmark removed": [{"type": "remove_landmark", **landmark}],
        "three levels kept": [{"type": "keep_levels", "levels": list(LEVELS[1:4])}],
        "all levels renamed": [{"type": "rename", "shift": 1}],
    }


COLUMNS = ("cpu_p50_s", "wall_p50_s", "cpu_p95_s", "wall_p95_s")


def measure(repeats: int) -> dict[str, dict[str, float]]:
    """p50 and p95 of each kind of edit; its first time is not counted."""
    engine, options = load_engine(WorkerSettings()), ReconstructOptions()
    calibration = Calibration.model_validate_json((DEMO / "calibration.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        base.mkdir()
        engine.run(DEMO / "ap.png", DEMO / "lat.png", calibration, options, base, _silent)
        result = ReconstructionResult.model_validate_json((base / "result.json").read_text())
        figures = {}
        for name, edits in edits_of(result).items():
            parsed, taken = EDITS.validate_json(json.dumps(edits)), []
            for number in range(repeats + 1):
                out = Path(folder) / f"{name} {number}"
                out.mkdir()
                began = time.process_time(), time.perf_counter()
                engine.revise(base, parsed, calibration, options, out, _silent)
                taken.append((time.process_time() - began[0], time.perf_counter() - began[1]))
            p50, p95 = np.percentile(taken[1:], (50, 95), axis=0).round(2).tolist()
            figures[name] = dict(zip(COLUMNS, (*p50, *p95), strict=True))
    return figures


def _silent(stage: Stage, done: float) -> None:
    pass


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    record: dict[str, Any] = {"machine": describe("numpy", "numba"), "load_average": round(os.getloadavg()[0], 1)}
    record["edits"] = measure(chosen.repeats)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "revision.json").write_text(json.dumps(record, indent=1) + "\n")
    (chosen.out / "revision.md").write_text(render(record, chosen.repeats))
    print(render(record, chosen.repeats))


def render(record: dict[str, Any], repeats: int) -> str:
    """Markdown of the record."""
    machine = record["machine"]
    lines = [
        "# A revision",
        "",
        f"Made by `python -m benchmarks.revision`: the demo pair corrected {repeats} times in each way, in one process "
        f"without service and queue, on {machine['processor']}, {machine['cores']} cores with a load average of "
        f"{record['load_average']:.1f} when it began. CPU seconds are of all threads and hardly depend on that load; "
        "seconds do.",
        "",
        "| edit | CPU, p50 / p95 | time, p50 / p95 |",
        "|---|---|---|",
    ]
    for name, taken in record["edits"].items():
        cpu_p50, wall_p50, cpu_p95, wall_p95 = (taken[column] for column in COLUMNS)
        lines.append(f"| {name} | {cpu_p50:.2f} / {cpu_p95:.2f} s | {wall_p50:.2f} / {wall_p95:.2f} s |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
