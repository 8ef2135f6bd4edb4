"""Many pairs at once: a folder of cases, one result folder each, one table of all."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lumbar3d.contracts import VIEWS, FrameName, ReconstructOptions
from lumbar3d.errors import CalibrationError, InputError, RadiographError, RegistrationError, RejectedError
from lumbar3d.export.measurement_table import COLUMNS
from lumbar3d.library import call
from lumbar3d.library.films import Room
from lumbar3d.library.spine import USUAL_FORMATS

CALIBRATION = "calibration.json"
CASES, ALL_MEASUREMENTS = "cases.csv", "all_measurements.csv"
_COLUMNS = ("case", "quality", "code", "message")


@dataclass(frozen=True)
class Case:
    """What became of one pair.

    Attributes
    ----------
    name : str
        Of its folder.
    quality : str
        "ok", "review" or "bad"; empty where there is no result.
    code, message : str
        Why there is none; empty where there is one.
    """

    name: str
    quality: str = ""
    code: str = ""
    message: str = ""


def reconstruct_folder(
    folder: str | Path,
    out: str | Path,
    calibration: Room | None = None,
    formats: Sequence[str] = USUAL_FORMATS,
    frame: FrameName = "srs",
    progress: bool = True,
    options: ReconstructOptions | None = None,
) -> tuple[Case, ...]:
    """Reconstruct every case below a folder; what cannot be answered is written down, and the next one follows.

    Parameters
    ----------
    folder : str or Path
        One folder a case with files ``ap.*`` and ``lat.*``, and ``calibration.json`` where rooms differ.
    out : str or Path
        Gets a folder a case with what ``Spine.save`` writes, ``cases.csv`` and ``all_measurements.csv``.
    calibration : str, Path, mapping or Calibration, optional
        Of the cases without one of their own; default: ``calibration.json`` beside them.
    formats, frame
        As of ``Spine.save``.
    progress : bool
        A bar on standard error.
    options : ReconstructOptions, optional
        Of every case. With ``geometry`` "from_tags" no calibration is read.

    Returns
    -------
    tuple of Case
        By name.

    Raises
    ------
    ValueError
        There is no case below the folder.
    EngineError
        Our side failed in a way that no other case would escape.
    """
    root, target = Path(folder), Path(out)
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path.resolve() != target.resolve())
    if not folders:
        raise ValueError(f"no case below {root}: each is a folder with ap.*, lat.* and perhaps {CALIBRATION}")
    target.mkdir(parents=True, exist_ok=True)
    from_tags = options is not None and options.geometry == "from_tags"
    shared = root / CALIBRATION if calibration is None else calibration
    cases: list[Case] = []
    rows: list[dict[str, object]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("reconstructing", total=len(folders))
        for path in folders:
            bar.update(task, description=path.name)
            try:
                ap, lat = (_film(path, view) for view in VIEWS)
                spine = call.reconstruct(ap, lat, None if from_tags else _room(path, shared), options)
                spine.save(target / path.name, formats, frame)
                rows.extend({"case": path.name, **row} for row in spine.rows())
                cases.append(Case(path.name, quality=spine.flag))
            except (InputError, RejectedError, RegistrationError) as error:
                cases.append(Case(path.name, code=error.code, message=str(error)))
            bar.advance(task)
    _write(target / CASES, _COLUMNS, [{**vars(case), "case": case.name} for case in cases])
    _write(target / ALL_MEASUREMENTS, ("case", *COLUMNS), rows)
    return tuple(cases)


def _film(folder: Path, view: str) -> Path:
    found = sorted(folder.glob(f"{view}.*"))
    if len(found) != 1:
        raise RadiographError(f"{len(found)} files {view}.* where there should be one")
    return found[0]


def _room(folder: Path, shared: Room) -> Room:
    own = folder / CALIBRATION
    if own.is_file():
        return own
    if isinstance(shared, Path) and not shared.is_file():
        raise CalibrationError(f"there is no {CALIBRATION}, neither in the case nor beside it")
    return shared


def _write(path: Path, columns: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
