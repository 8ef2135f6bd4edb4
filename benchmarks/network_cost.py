"""Time and memory of a detection: ``python -m benchmarks.network_cost``.

The demonstration pair through the shipped ``Detector``, both networks, each row in a process of its own that loads
nothing else. On a machine where ONNX Runtime runs on CUDA, a row for that too. Writes
``benchmarks/results/network_cost.{json,md}``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: its threads are not the networks'

import onnxruntime

from benchmarks.machine import describe
from benchmarks.records import write
from lumbar3d.contracts import Calibration
from lumbar3d.detector import Detector
from lumbar3d.imaging.pair import read_pair
from lumbar3d.shape.assets import AssetStore

DEMO = Path(__file__).resolve().parents[1] / "demo"
THREADS = (1, 2)
REPEATS = 21
CUDA = "CUDAExecutionProvider"


@dataclass(frozen=True)
class Cost:
    """One row: median seconds and mean CPU seconds for a pair after the first, seconds of the first, resident memory.

    ``before_mib`` is that of the process before it loads the networks, ``peak_mib`` its highest.
    """

    device: str
    threads: int
    detect_s: float
    cpu_s: float
    first_s: float
    before_mib: float
    peak_mib: float


def cost(assets: Path | None, threads: int) -> Cost:
    """Measure in this process."""
    started_mib = _status_mib("VmRSS")
    detector = Detector.load(AssetStore.open(assets), threads=threads)
    calibration = Calibration.model_validate_json((DEMO / "calibration.json").read_text())
    films, _ = read_pair((DEMO / "ap.png", DEMO / "lat.png"), calibration)
    clock, cpu = [time.perf_counter()], [time.process_time()]
    for _ in range(1 + REPEATS):
        detector.detect(*films)
        clock.append(time.perf_counter())
        cpu.append(time.process_time())
    first, *others = (after - before for before, after in itertools.pairwise(clock))
    cpu_s = (cpu[-1] - cpu[1]) / REPEATS
    device = "GPU" if CUDA in detector.providers else "CPU"
    return Cost(device, threads, median(others), cpu_s, first, started_mib, _status_mib("VmHWM"))


def _status_mib(field: str) -> float:
    """Of this process, as Linux counts it (``getrusage`` would count the parent's before ``exec`` too)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":")) / 1024


def apart(assets: Path | None, threads: int, gpu: bool = False) -> Cost:
    """Measure in a new process; without ``gpu`` it sees none."""
    with get_context("spawn").Pool(1, None if gpu else _hide_gpus) as pool:
        return pool.apply(cost, (assets, threads))


def _hide_gpus() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def markdown(rows: list[Cost], record: dict[str, object]) -> str:
    """The table and its conditions."""
    head = (
        "device",
        "threads",
        "median s for a pair",
        "CPU s",
        "first pair s",
        "memory before loading MiB",
        "peak MiB",
    )
    text = ["## Detection of a pair: time and memory", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        seconds = f"{row.detect_s:.3f} | {row.cpu_s:.3f} | {row.first_s:.3f}"
        text.append(f"| {row.device} | {row.threads} | {seconds} | {row.before_mib:.0f} | {row.peak_mib:.0f} |")
    if all(row.device != "GPU" for row in rows):
        text += ["", "Not run on a GPU."]
    text += ["", f"Median of {REPEATS} detections of the demonstration pair by both networks (on a CPU in single"]
    text += ["precision), from the network's grid to landmarks; reading files is not in it. Memory is resident, of a"]
    text += ["process that has only the detector and the pair.", ""]
    return "\n".join([*text, *(f"- {name}: {value}" for name, value in record.items())]) + "\n"


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    rows = [apart(arguments.assets, threads) for threads in THREADS]
    if CUDA in onnxruntime.get_available_providers():  # the wheel can; whether the machine can shows in the row
        rows += [row for row in [apart(arguments.assets, THREADS[0], gpu=True)] if row.device == "GPU"]
    store = AssetStore.open(arguments.assets)
    assets = {name: store.describe(name).sha256[:12] for name in ("network", "refiner")}
    record: dict[str, object] = {"machine": describe("onnxruntime", "numpy"), "assets": assets}
    write(arguments.out, "network_cost", {**record, "rows": [asdict(row) for row in rows]}, markdown(rows, record))


if __name__ == "__main__":
    main()
