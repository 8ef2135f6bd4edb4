"""Radiographs and calibrations as a caller may hand them over, as the files and the contract that the engine reads."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image

from lumbar3d.contracts import VIEWS, Calibration
from lumbar3d.documents import parse_calibration
from lumbar3d.errors import CalibrationError, RadiographError
from lumbar3d.imaging.inspect import about_image

Film = str | Path | NDArray[Any] | pydicom.Dataset
"""A file, grey values (rows, columns), or a DICOM object."""
Room = str | Path | Mapping[str, Any] | Calibration
"""A file of JSON, its content, or the contract."""
_WHITE = 2**16 - 1


@contextmanager
def as_files(ap: Film, lat: Film) -> Iterator[tuple[Path, Path]]:
    """Both films as files; those that are none yet lie in a folder that goes at the end.

    Arrays and DICOM objects take the way of every file: through the same checks and the same decoder.

    Raises
    ------
    RadiographError
        An array or object that is no radiograph.
    """
    with tempfile.TemporaryDirectory(prefix="lumbar3d-") as folder:
        paths = []
        for view, film in zip(VIEWS, (ap, lat), strict=True):
            with about_image(view):
                paths.append(_file(film, Path(folder) / view))
        yield paths[0], paths[1]


def calibration_of(room: Room) -> Calibration:
    """The contract, from a file, its content or itself.

    Raises
    ------
    CalibrationError
        The file cannot be read, or does not follow the contract.
    """
    if isinstance(room, Calibration):
        return room
    try:
        text = json.dumps(room).encode() if isinstance(room, Mapping) else Path(room).read_bytes()
    except (OSError, TypeError) as error:
        raise CalibrationError(f"the calibration cannot be read: {type(error).__name__}") from error
    return parse_calibration(text)


def _file(film: Film, path: Path) -> Path:
    if isinstance(film, str | Path):
        return Path(film)
    if isinstance(film, pydicom.Dataset):
        return _dicom_file(film, path.with_suffix(".dcm"))
    return _png_file(np.asarray(film), path.with_suffix(".png"))


def _dicom_file(dataset: pydicom.Dataset, path: Path) -> Path:
    try:
        dataset.save_as(path, enforce_file_format=True)
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise RadiographError("the DICOM object cannot be written as a file: is its file_meta complete?") from error
    return path


def _png_file(grey: NDArray[Any], path: Path) -> Path:
    Image.fromarray(_sixteen_bits(grey)).save(path, format="PNG", compress_level=1)
    return path


def _sixteen_bits(grey: NDArray[Any]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Whole numbers as they are, eight bits as eight; others stretched over 16 bits: scale and offset tell nothing."""
    if grey.ndim != 2:
        raise RadiographError(f"grey values are an array of rows and columns, not of {grey.ndim} axes")
    if grey.dtype == np.uint8:
        return grey
    if grey.dtype.kind in "iu":
        if grey.size and (grey.min() < 0 or grey.max() > _WHITE):
            raise RadiographError("whole grey values have to lie between 0 and 65535")
        return grey.astype(np.uint16)
    if grey.dtype.kind != "f" or not np.isfinite(grey).all():
        raise RadiographError("grey values have to be finite numbers")
    low, high = (float(grey.min()), float(grey.max())) if grey.size else (0.0, 0.0)
    return np.rint((grey - low) * (_WHITE / (high - low or 1.0))).astype(np.uint16)
