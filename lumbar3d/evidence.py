"""Evidence of a job: its films in their own resolution, and what was recognised in them, whatever became of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lumbar3d.artifacts import FILM, IMAGE, RECOGNITION, take_over
from lumbar3d.contracts import VIEWS, Calibration, RecognisedFilm, RecognisedFilms, Recognition, ViewName, Window
from lumbar3d.detection.recognised import Recognised
from lumbar3d.detection.report import count_of, names_of
from lumbar3d.edits import ChangeFilms
from lumbar3d.geometry.projection import Projection
from lumbar3d.imaging.pair import load_image, pair_of
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.imaging.radiograph import Radiograph

_SPARSE = 4
"""Every so many-th row and column tells what to show first."""
_SHOWN = (1.0, 99.5)
"""Percentiles of the grey values between black and white."""
_WHITE = 2**16 - 1
_COMPRESSION = 1
"""zlib's least: a tenth larger than its usual, in a quarter of the time."""


def write_evidence(views: Sequence[NetworkView], recognised: Recognised | None, directory: Path) -> None:
    """Write both films and the document; nothing where the views do not know their films.

    Parameters
    ----------
    views : two of NetworkView
    recognised : Recognised or None
        None: nothing was.
    directory : Path
        Existing.
    """
    films = {view.view: _as_sent(view) for view in views if view.film is not None}
    if set(films) < set(VIEWS):
        return
    with ThreadPoolExecutor(2) as both:
        told = dict(zip(films, both.map(lambda name: _write(films[name], views, name, directory), films), strict=True))
    _write_document(RecognisedFilms(**told), recognised, directory)


def _write_document(films: RecognisedFilms, recognised: Recognised | None, directory: Path) -> None:
    document = Recognition(
        films=films,
        lumbar_count=count_of(recognised.naming) if recognised else None,
        level_names=names_of(recognised.naming) if recognised else None,
        levels=recognised.levels if recognised else (),
    )
    (directory / RECOGNITION.file).write_text(document.model_dump_json())


def copy_evidence(base_dir: Path, recognised: Recognised, directory: Path) -> None:
    """The same films with what is recognised in them after an edit."""
    for _, name in FILM.files():
        take_over(base_dir / name, directory)
    films = Recognition.model_validate_json((base_dir / RECOGNITION.file).read_bytes()).films
    _write_document(films, recognised, directory)


def kept_pair(
    base_dir: Path, change: ChangeFilms | None, calibration: Calibration
) -> tuple[tuple[NetworkView, NetworkView], tuple[str, ...]]:
    """Network views of films that were kept, exchanged and turned as somebody says (``imaging.pair.read_pair``).

    Raises
    ------
    InputError
        The calibration does not go with these films.
    """
    films = {view: load_image(view, base_dir / FILM.name(view), "MONOCHROME2") for view in VIEWS}
    told = Recognition.model_validate_json((base_dir / RECOGNITION.file).read_bytes()).films
    notes = {"ap": told.ap.notes, "lat": told.lat.notes}
    if change is not None and change.exchange:
        films, notes = dict(zip(VIEWS, (films["lat"], films["ap"]), strict=True)), _renamed(notes)
    for view in VIEWS:
        pixels = films[view].pixels
        if change is not None and view in change.turn:
            pixels = pixels[::-1, ::-1]
        if change is not None and view in change.mirror:
            pixels = pixels[:, ::-1]
        films[view] = replace(films[view], pixels=np.ascontiguousarray(pixels))
    views, said = pair_of(films["ap"], films["lat"], calibration)
    return views, tuple(dict.fromkeys((*said, *notes["ap"], *notes["lat"])))


def _renamed(notes: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Notes on the files of exchanged films."""
    other = {"ap": "lat", "lat": "ap"}
    return {other[view]: tuple(note.replace(view, other[view], 1) for note in notes[view]) for view in VIEWS}


def kept_views(
    base_dir: Path, grids: tuple[Projection, Projection], are_behind: tuple[bool, bool]
) -> tuple[NetworkView, NetworkView]:
    """Network views whose pictures were kept, without the films that they were cut from."""
    ap, lat = (
        _kept_view(base_dir / IMAGE.name(name), name, grid, is_behind)
        for name, grid, is_behind in zip(VIEWS, grids, are_behind, strict=True)
    )
    return ap, lat


def _kept_view(path: Path, name: ViewName, grid: Projection, is_behind: bool) -> NetworkView:
    with Image.open(path) as picture:
        shown = np.asarray(picture, dtype=np.float32) / np.float32(255.0)
    view = NetworkView(shown, grid, name, seen_from_behind=is_behind)
    return replace(view, pixels=view.as_sent(shown))  # turning over twice is none


def _as_sent(view: NetworkView) -> Radiograph:
    """Bone bright, the way round of the file."""
    assert view.film is not None  # asked for before
    radiograph = view.film.radiograph
    pixels = np.ascontiguousarray(radiograph.pixels[:, ::-1]) if view.film.seen_from_behind else radiograph.pixels
    return replace(radiograph, pixels=pixels)


def _write(film: Radiograph, views: Sequence[NetworkView], name: str, directory: Path) -> RecognisedFilm:
    low, high = film.pixels.min(), film.pixels.max()
    fits = low >= 0.0 and high <= _WHITE
    grey = (film.pixels if fits else film.pixels - low).astype(np.uint16)  # whole numbers over 16 bits: nothing is lost
    Image.fromarray(grey).save(directory / FILM.name(name), format="PNG", compress_level=_COMPRESSION)
    (view,) = (each for each in views if each.view == name)
    assert view.film is not None
    du, dv = view.film.projection.pixel_spacing_mm.tolist()
    rows, columns = grey.shape
    notes = tuple(f"{name}_{note}" for note in (*film.header.notes, *(["inverted"] if film.inverted else [])))
    return RecognisedFilm(columns=columns, rows=rows, pixel_spacing_mm=(du, dv), window=_window(grey), notes=notes)


def _window(grey: NDArray[np.uint16]) -> Window:
    some = grey[::_SPARSE, ::_SPARSE]
    exposed = some[(some > some.min()) & (some < some.max())]
    low, high = np.percentile(exposed if exposed.size else some, _SHOWN).tolist()
    return Window(low=low, high=max(high, low + 1.0))
