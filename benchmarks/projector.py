"""Time per image of the projectors on one vertebra, beside DiffDRR where it is installed.

``python -m benchmarks.projector --data DIR``: verse005 L3 in the AP view of ``benchmarks.subjects``. Writes
``benchmarks/results/projector.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from lumbar3d.arrays import Image

os.environ.setdefault("OMP_NUM_THREADS", "2")  # DiffDRR gets both cores

import numpy as np

from benchmarks.machine import describe
from benchmarks.subjects import load_subject
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.drr.gpu import GpuProjector, device_count
from lumbar3d.drr.reference import ReferenceProjector
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.mesh import TriangleMesh

COARSE = 4


def timed(name: str, pixels: int, render: Callable[[], Image], repeats: int) -> tuple[dict[str, Any], Image]:
    """Median time after one warm-up."""
    image = render()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        render()
        seconds.append(time.perf_counter() - start)
    return {"what": name, "pixels": pixels, "median_ms": 1e3 * median(seconds), "repeats": repeats}, image


def diffdrr_rows(mesh: TriangleMesh, views: list[ConeBeam], exact: dict[int, Image]) -> list[dict[str, Any]]:
    """DiffDRR's Siddon on a 1 mm volume of the same vertebra; or the reason why not."""
    try:
        from benchmarks.diffdrr_renderer import renderer
    except ImportError as error:
        return [{"what": f"DiffDRR: not installed ({error}); see benchmarks/diffdrr_renderer.py"}]
    rows = []
    for view in views:
        row, image = timed("DiffDRR, Siddon, 1 mm voxels, both cores", view.rows, renderer(mesh, view), 3)
        inside = exact[view.rows] > 5.0
        row["mean_abs_difference_mm"] = float(np.abs(image - exact[view.rows])[inside].mean())
        rows.append(row)
    return rows


def measure(data: Path) -> list[dict[str, Any]]:
    """All rows."""
    subject = load_subject(data, "verse005")
    mesh, model = subject.meshes_world["L3"], load_shape_models(AssetStore.open())[2]
    shift = mesh.vertices.mean(axis=0)
    coarse_mesh = TriangleMesh(model.mean[model.fit_vertices] + shift, model.fit_faces)
    ap, lat = subject.geometry.ap, subject.geometry.lat
    small, cpu = ap.downsampled(COARSE), CpuProjector()
    name = f"CPU projector, one core, {len(mesh.faces)} faces"
    row, full = timed(name, ap.rows, lambda: cpu.path_lengths_mm([mesh], ap)[0], 50)
    small_row, small_image = timed(name, small.rows, lambda: cpu.path_lengths_mm([mesh], small)[0], 50)
    rows = [row, small_row]
    name = f"CPU projector, one core, {len(coarse_mesh.faces)} faces (the fit's)"
    rows.append(timed(name, ap.rows, lambda: cpu.path_lengths_mm([coarse_mesh], ap)[0], 50)[0])
    everything = list(subject.meshes_world.values())
    name = "CPU projector, five vertebrae, both views, two cores"
    rows.append(timed(name, ap.rows, lambda: [cpu.path_lengths_mm(everything, view) for view in (ap, lat)][-1], 20)[0])
    row, reference = timed("NumPy reference", ap.rows, lambda: ReferenceProjector().path_lengths_mm([mesh], ap)[0], 3)
    rows.append(row | {"largest_difference_mm": float(np.abs(reference - full).max())})
    if device_count() > 0:
        gpu = GpuProjector()
        row, image = timed("CUDA projector, with transfer", ap.rows, lambda: gpu.path_lengths_mm([mesh], ap)[0], 50)
        rows.append(row | {"largest_difference_mm": float(np.abs(image - full).max())})
    assert isinstance(small, ConeBeam) and isinstance(ap, ConeBeam)
    return rows + diffdrr_rows(mesh, [small, ap], {small.rows: small_image, ap.rows: full})


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    rows, machine = measure(parser.parse_args().data), describe("numpy", "numba", "torch")
    lines = ["## Projector, verse005 L3", "", "| what | pixels | ms, median | difference mm |", "|---|---|---|---|"]
    for row in rows:
        difference = row.get("largest_difference_mm", row.get("mean_abs_difference_mm"))
        cells = [row["what"], str(row.get("pixels", "")), f"{row['median_ms']:.2f}" if "median_ms" in row else ""]
        lines.append("| " + " | ".join([*cells, "" if difference is None else f"{difference:.2g}"]) + " |")
    lines += [
        "",
        "Difference: largest beside the CPU projector; for DiffDRR the mean inside (its volume is voxels).",
        str(machine),
    ]
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "projector.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    (folder / "projector.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
