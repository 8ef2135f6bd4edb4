"""A radiograph on the network's grid, with its calibration following along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.normalise import normalise
from lumbar3d.imaging.radiograph import Radiograph

ViewName = Literal["ap", "lat"]


@dataclass(frozen=True)
class NetworkGrid:
    """The paper's grid: 512 x 512 at 0.834 mm at the detector, 427 mm of film."""

    size_px: int = 512
    pitch_mm: float = 0.834
    cropped_tolerance_mm: float = 5.0
    """A film may overhang the grid by this before the result says that it was cropped."""
    grey_step: float = 1 / 8
    """Resampled grey values are rounded to this, so that saturated areas keep exactly one value."""


GRID = NetworkGrid()


@dataclass(frozen=True, eq=False)
class NetworkView:
    """What the network sees of one view.

    Attributes
    ----------
    pixels : (512, 512) float32
        Bone bright, [0, 1]; 0 outside the film.
    projection : ConeBeam
        The calibration on this grid.
    view : str
        "ap" or "lat".
    notes : tuple of str
        Remarks for the result: ``ap_inverted``, ``ap_cropped_to_centre``, ``ap_padded``.
    """

    pixels: NDArray[np.float32]
    projection: ConeBeam
    view: ViewName
    notes: tuple[str, ...] = ()


def to_network_grid(radiograph: Radiograph, projection: ConeBeam, view: ViewName) -> NetworkView:
    """Average the film over the network's pixels, centred on the film, and normalise grey values.

    A film larger than 427 mm is cropped around its centre, a smaller one is padded with 0; both are noted. The
    lumbar spine has to lie in the middle 427 mm of a long film.

    Parameters
    ----------
    radiograph : Radiograph
        Bone bright.
    projection : ConeBeam
        On the film's own pixels.
    view : str
        "ap" or "lat".

    Raises
    ------
    EmptyImageError
        The film is constant or only black and white.
    """
    step = GRID.pitch_mm / projection.pixel_spacing_mm
    film = np.array([projection.columns, projection.rows])
    first = (film - 1) / 2 - step * (GRID.size_px - 1) / 2
    across = _box_average(int(film[0]), float(first[0]), float(step[0]))
    down = _box_average(int(film[1]), float(first[1]), float(step[1]))
    pixels = (across @ (down @ radiograph.pixels).T).T
    pixels = np.rint(pixels / GRID.grey_step) * GRID.grey_step
    covered = np.outer(np.diff(down.indptr) > 0, np.diff(across.indptr) > 0)
    grid = projection.regrid(first, step, GRID.size_px, GRID.size_px)
    overhang_mm = film * projection.pixel_spacing_mm - GRID.size_px * GRID.pitch_mm
    remarks = {
        "inverted": radiograph.inverted,
        "cropped_to_centre": bool((overhang_mm > GRID.cropped_tolerance_mm).any()),
        "padded": not covered.all(),
    }
    notes = tuple(f"{view}_{remark}" for remark, applies in remarks.items() if applies)
    return NetworkView(normalise(np.where(covered, pixels, np.nan)), grid, view, notes)


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
