"""Films of a validation: a folder with both radiographs and their calibration."""

from __future__ import annotations

from pathlib import Path

from lumbar3d.contracts import VIEWS, Calibration
from lumbar3d.errors import CalibrationError, InputError
from lumbar3d.library.films import calibration_of

CALIBRATION = "calibration.json"


def read_films(folder: Path) -> tuple[Path, Path, Calibration]:
    """AP film, lateral film and calibration: ``ap.*``, ``lat.*`` and ``calibration.json``.

    Raises
    ------
    InputError
        One is missing, or there are two of a view.
    CalibrationError
        The calibration does not follow its contract.
    """
    films = []
    for view in VIEWS:
        found = [path for path in sorted(folder.iterdir()) if path.stem.lower() == view and path.is_file()]
        if len(found) != 1:
            raise InputError(f"{folder.name}: one file named {view}.* is expected, there are {len(found)}")
        films.append(found[0])
    if not (folder / CALIBRATION).is_file():
        raise CalibrationError(f"{folder.name}: there is no {CALIBRATION}")
    return films[0], films[1], calibration_of(folder / CALIBRATION)
