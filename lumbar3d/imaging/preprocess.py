"""Resampling of a radiograph onto the network's grid, with its calibration following along."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_array

from lumbar3d.arrays import Array, Image
from lumbar3d.contracts import ViewName
from lumbar3d.errors import EmptyImageError
from lumbar3d.geometry.projection import Projection
from lumbar3d.geometry.slot_scanner import SlotScanner
from lumbar3d.imaging.normalise import normalise
from lumbar3d.imaging.radiograph import Radiograph
from lumbar3d.imaging.search_windows import SPARE_MM, window_places


@dataclass(frozen=True)
class NetworkGrid:
    """The paper's grid: 512 x 512 at 0.834 mm at the detector, 427 mm of film."""

    size_px: int = 512
    pitch_mm: float = 0.834
    """The networks were taught on it."""
    slot_pitch_mm: float = 0.727
    """Of a slot scanner's columns and rows at the patient: the middle of the 0.62 to 0.834 mm that the networks were
    taught. Its rows are not magnified, so the grid's columns are wider than its rows at the detector."""
    cropped_tolerance_mm: float = SPARE_MM
    """A film may overhang the grid by this before the result says that it was cropped."""
    grey_step: float = 1 / 8
    """Resampled grey values are rounded to this, so that saturated areas keep exactly one value."""


GRID = NetworkGrid()


@dataclass(frozen=True, eq=False)
class NetworkView:
    """Input of the network for one view.

    Attributes
    ----------
    pixels : (512, 512) float32
        Bone bright, [0, 1]; 0 outside the film.
    projection : Projection
        The calibration on this grid.
    view : str
        "ap" or "lat".
    notes : tuple of str
        Remarks for the result: ``ap_inverted``, ``ap_cropped_to_centre``, ``ap_padded``.
    film : Film or None
        What it was cut from, where another part may be asked for.
    seen_from_behind : bool
        Whether the image as it was sent is turned over against this grid.
    """

    pixels: Image
    projection: Projection
    view: ViewName
    notes: tuple[str, ...] = ()
    film: Film | None = None
    seen_from_behind: bool = False

    def as_sent(self, image: Image) -> Image:
        """An image (rows, columns) on this grid, the way round that the film was sent."""
        return np.ascontiguousarray(image[:, ::-1]) if self.seen_from_behind else image


@dataclass(frozen=True, eq=False)
class Film:
    """A whole film as the source sees it: ``radiograph`` and ``projection`` on its own pixels.

    ``seen_from_behind`` says whether the file is turned over against that, ``pitch_mm`` (2,) how far apart the columns
    and rows of the network's grid are, as ``projection.pixel_spacing_mm`` counts.
    """

    radiograph: Radiograph
    projection: Projection
    view: ViewName
    seen_from_behind: bool = False
    pitch_mm: Array = field(default_factory=lambda: np.full(2, GRID.pitch_mm))

    def around(self, middle_px: Array) -> NetworkView:
        """The network's grid around a pixel (u, v) of the film; off the film it is black.

        Raises
        ------
        EmptyImageError
            That part of the film is constant or only black and white.
        """
        return _on_grid(self, np.asarray(middle_px, dtype=float))

    def windows(self) -> tuple[Array, ...]:
        """Middles (u, v) of the parts to be searched: one, or several that overlap where the film is larger.

        What was not exposed, rows and columns of one value along the border, is no film: the same picture gives the
        same samples wherever it lies in a larger black one.
        """
        rows, spacing_mm = self.radiograph.pixels, self.projection.pixel_spacing_mm
        grid_px = GRID.size_px * self.pitch_mm / spacing_mm
        places = [window_places(*axis) for axis in zip((rows.T, rows), grid_px, spacing_mm, strict=True)]
        return tuple(np.array([u, v]) for v in places[1] for u in places[0])

    def opening(self) -> NetworkView:
        """The window nearest to the film's middle that is not blank.

        Raises
        ------
        EmptyImageError
            All are.
        """
        middle = (np.array([self.projection.columns, self.projection.rows]) - 1) / 2
        blank = EmptyImageError("the image is constant, or only black and white")
        for window in sorted(self.windows(), key=lambda window: float(np.linalg.norm(window - middle))):
            try:
                return self.around(window)
            except EmptyImageError as error:
                blank = error
        raise blank


def to_network_grid(
    radiograph: Radiograph,
    projection: Projection,
    view: ViewName,
    seen_from_behind: bool = False,
    centre_mm: Array | None = None,
) -> NetworkView:
    """Average the film over the network's pixels, centred on the film, and normalise grey values.

    A film larger than 427 mm is cropped around its centre, or around what was exposed of it, a smaller one is padded
    with 0; both are noted. Another part of a larger film is ``Film.around``.

    Parameters
    ----------
    radiograph : Radiograph
        Bone bright, as it was sent.
    projection : Projection
        On the film's own pixels, as seen from the source.
    view : str
        "ap" or "lat".
    seen_from_behind : bool
        Whether the radiograph is turned over against ``projection``, by its calibration.
    centre_mm : (3,) float, optional
        Where the views meet, default the world's origin; a slot scanner's columns are magnified as there.

    Raises
    ------
    EmptyImageError
        The film is constant or only black and white.
    """
    if seen_from_behind:
        radiograph = replace(radiograph, pixels=np.ascontiguousarray(radiograph.pixels[:, ::-1]))
    pitch_mm = grid_pitch_mm(projection, np.zeros(3) if centre_mm is None else centre_mm)
    return Film(radiograph, projection, view, seen_from_behind, pitch_mm).opening()


def grid_pitch_mm(projection: Projection, centre_mm: Array) -> Array:
    """Pitch (2,) of the network's columns and rows, as ``pixel_spacing_mm`` counts; square pixels at the patient."""
    if not isinstance(projection, SlotScanner):
        return np.full(2, GRID.pitch_mm)
    depth = projection.project(centre_mm[None])[1]
    shrinkage = projection.mm_per_px(depth)[0] / projection.pixel_spacing_mm
    return np.asarray(GRID.slot_pitch_mm / shrinkage)


def _on_grid(whole: Film, middle_px: Array) -> NetworkView:
    radiograph, projection, view = whole.radiograph, whole.projection, whole.view
    step = whole.pitch_mm / projection.pixel_spacing_mm
    film = np.array([projection.columns, projection.rows])
    first = middle_px - step * (GRID.size_px - 1) / 2
    across = _box_average(int(film[0]), float(first[0]), float(step[0]))
    down = _box_average(int(film[1]), float(first[1]), float(step[1]))
    pixels = (across @ (down @ radiograph.pixels).T).T
    pixels = np.rint(pixels / GRID.grey_step) * GRID.grey_step
    covered = np.outer(np.diff(down.indptr) > 0, np.diff(across.indptr) > 0)
    grid = projection.regrid(first, step, GRID.size_px, GRID.size_px)
    overhang_mm = film * projection.pixel_spacing_mm - GRID.size_px * whole.pitch_mm
    remarks = {
        "inverted": radiograph.inverted,
        "cropped_to_centre": bool((overhang_mm > GRID.cropped_tolerance_mm).any()),
        "padded": not covered.all(),
    }
    notes = tuple(f"{view}_{remark}" for remark, applies in remarks.items() if applies)
    shown = normalise(np.where(covered, pixels, np.nan))
    return NetworkView(shown, grid, view, notes, whole, whole.seen_from_behind)


def _box_average(count: int, first: float, step: float) -> csr_array:
    """Averages (512, count) of ``count`` samples over boxes of one output pixel, centred at first + k step.

    The box is never narrower than one sample: upsampling is then linear interpolation. Output pixels whose centre
    lies off the film are empty rows; boxes that overhang it average what is on it.
    """
    centres = first + step * np.arange(GRID.size_px)[:, None]
    half = max(step, 1.0) / 2
    samples = np.arange(count)[None, :]
    overlap = np.minimum(centres + half, samples + 0.5) - np.maximum(centres - half, samples - 0.5)
    overlap = np.where((centres >= -0.5) & (centres <= count - 0.5), np.maximum(overlap, 0.0), 0.0)
    total = overlap.sum(1, keepdims=True)
    weights = np.divide(overlap, total, out=np.zeros_like(overlap), where=total > 0)
    return csr_array(weights.astype(np.float32))
