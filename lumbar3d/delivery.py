"""Delivery of a reconstruction: every file of a job, the result last."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lumbar3d import kept_fit
from lumbar3d.artifacts import FIT, RESULT
from lumbar3d.bundle import Before, write_bundle
from lumbar3d.construction_file import write_constructions
from lumbar3d.contracts import Stage
from lumbar3d.drr.projector import Projector
from lumbar3d.reconstruction import Reconstruction
from lumbar3d.residual_file import write_residuals
from lumbar3d.stages import StageClock


def deliver(
    reconstruction: Reconstruction,
    out_dir: Path,
    projector: Projector,
    clock: StageClock,
    evidence: Callable[[], None],
    before: Before | None = None,
) -> None:
    """Write what a job delivers (``artifacts``) into an existing, empty folder.

    Parameters
    ----------
    reconstruction : Reconstruction
        Gets the times of all stages, this one included.
    out_dir : Path
    projector : Projector
    clock : StageClock
        Of the job.
    evidence : callable
        Writes or copies the films and what was recognised, beside the rest.
    before : Before, optional
        What a revision starts from.
    """
    clock.enter(Stage.EXPORT)
    with ThreadPoolExecutor(1) as beside:
        others = (
            beside.submit(evidence),
            beside.submit(write_constructions, reconstruction, out_dir),
            beside.submit(write_residuals, reconstruction, out_dir, projector),
            beside.submit(kept_fit.save, reconstruction, out_dir / FIT),
        )
        write_bundle(reconstruction, out_dir, projector, before)
        for other in others:
            other.result()
    clock.within(1.0)
    clock.stop()
    (out_dir / RESULT.file).write_text(reconstruction.to_result().model_dump_json())
