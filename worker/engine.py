"""Engine protocol of the worker; ``lumbar3d.pipeline.Engine`` is the real one."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from lumbar3d.contracts import Calibration, ReconstructOptions
from lumbar3d.edits import Edit
from lumbar3d.stages import StageProgress
from lumbar3d.worker.settings import WorkerSettings


class JobEngine(Protocol):
    """Loaded once per process; runs one job at a time."""

    def run(
        self,
        ap_path: Path,
        lat_path: Path,
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress: StageProgress,
    ) -> None:
        """Write the files of a job (``lumbar3d.artifacts``).

        Parameters
        ----------
        ap_path, lat_path : Path
            The two images as uploaded.
        calibration, options
            Validated contracts.
        out_dir : Path
            Existing and empty.
        progress : callable
            Called with the stage and the overall progress, 0-1; what it raises must pass through.

        What was recognised (``artifacts.EVIDENCE``) may be written before a ``RejectedError`` is raised.
        """
        ...

    def revise(
        self,
        base_dir: Path,
        edits: Sequence[Edit],
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress: StageProgress,
    ) -> None:
        """Write the files of a revision; as ``run``, from the files of what is revised instead of the images.

        Parameters
        ----------
        base_dir : Path
            Read-only; what ``run`` or ``revise`` has written.
        edits : sequence of Edit
            Applied in order.
        """
        ...


EngineFactory = Callable[[WorkerSettings], JobEngine]
ARENA_MAX = -8
"""``M_ARENA_MAX`` of mallopt(3)."""


def one_heap() -> None:
    """Let all threads of this process share one heap.

    glibc gives each its own, and keeps what was freed there: 200 MB of a worker, for no time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(ARENA_MAX, 1)


def load_engine(settings: WorkerSettings) -> JobEngine:
    """The real engine; imported here so that a worker with another engine never loads numba or CUDA."""
    one_heap()
    from lumbar3d.pipeline import Engine as PipelineEngine

    engine = PipelineEngine.load(settings.assets, settings.device)
    gc.collect()
    gc.freeze()  # 200 000 objects that stay: to look through them again costs a job a third of a second now and then
    return engine
