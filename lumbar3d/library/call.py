"""The method in one call, on whatever the caller has: files, arrays, DICOM objects."""

from __future__ import annotations

from functools import cache

from lumbar3d.contracts import ReconstructOptions
from lumbar3d.imaging.tagged_room import told_calibration
from lumbar3d.library.films import Film, Room, as_files, calibration_of
from lumbar3d.library.spine import Spine
from lumbar3d.pipeline import Engine
from lumbar3d.stages import StageProgress


@cache
def _engine() -> Engine:
    return Engine.load()


def reconstruct(
    ap: Film,
    lat: Film,
    calibration: Room | None = None,
    options: ReconstructOptions | None = None,
    progress: StageProgress | None = None,
) -> Spine:
    """Reconstruct L1 to L5 from two calibrated radiographs.

    The engine is loaded on the first call, which takes some seconds, and kept.

    Parameters
    ----------
    ap, lat : str, Path, array or pydicom.Dataset
        A file that ``docs/formats.md`` lists; grey values (rows, columns), whole numbers of 0 to 65535 or finite
        floating-point numbers, which are stretched over 16 bits; or a DICOM object. Unless the DICOM object says
        whether bone is bright, the calibration does (MONOCHROME2 is bright bone).
    calibration : str, Path, mapping or Calibration, optional
        ``docs/calibration.md``. None where ``options.geometry`` is "from_tags": then both films are DICOM, and their
        tags say where source and detector were.
    options : ReconstructOptions, optional
    progress : callable, optional
        Called with the stage and the overall progress, 0-1.

    Raises
    ------
    InputError
        Calibration or radiographs cannot be used.
    RejectedError
        They were read but cannot be answered honestly.
    EngineError
        Our side failed.
    """
    sent = None if calibration is None else calibration_of(calibration)
    chosen = options or ReconstructOptions()
    with as_files(ap, lat) as paths:
        room = told_calibration(paths, sent, chosen)
        engine = _engine()
        return Spine.of(engine.reconstruct(*paths, room, chosen, progress), engine.projector)
