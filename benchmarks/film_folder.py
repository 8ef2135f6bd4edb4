"""Folder of real single films with corners of vertebral bodies set by hand, and the nominal room they are put in.

``annotations.json`` is ``{"films": [...]}``; of each film

- ``file``, ``patient``, ``view`` ("ap" or "lat"), and ``date`` where a person was filmed more than once;
- ``bodies``: per level four corners, superior left, superior right, inferior right, inferior left as seen on the film,
  (u, v) in pixels of the file;
- ``pixel_mm`` at the detector; without it the pixel size follows from ``body_height_mm`` (28 unless given), the median
  height of the bodies;
- ``mirrored``: a lateral with anterior on the right, an AP film with the patient's left on the left;
- ``inverted``: bone is dark;
- ``square``: the file was stretched to a square from a 35 x 43 cm film;
- ``crop``: left, top, right, bottom of the part to use.

No such film has a calibration. All of them are put in one room: source 1400 mm from the detector, magnification 1.2,
the film's middle opposite the source.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Files

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEWS, ViewName
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.header import ImageFormat, ImageHeader
from lumbar3d.imaging.preprocess import NetworkView, to_network_grid
from lumbar3d.imaging.radiograph import Radiograph

ANNOTATIONS = "annotations.json"
SOURCE_TO_DETECTOR_MM, MAGNIFICATION = 1400.0, 1.2
BODY_HEIGHT_MM, BODY_MAGNIFICATION = 28.0, 1.25
"""From which the pixel size of a film follows that does not say it."""
STRETCHED_ASPECT = 35.0 / 43.0
"""Width over height of a film that was stretched to a square."""
_AXES = {
    "ap": (np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])),
    "lat": (np.array([0.0, 1.0, 0.0]), -np.eye(3)[0]),
}
"""Towards the source, and along growing columns: AP from the front; lateral from the left, anterior on the left."""


@dataclass(frozen=True, eq=False)
class RealFilm:
    """One film with what is known of it.

    Attributes
    ----------
    name, person : str
        The file's without its ending; whose film it is, with the date where there is one.
    view : "ap" or "lat"
    pixels : (rows, columns) float32
        Bone bright.
    pixel_mm : (2,) float64
        At the detector, along columns and rows, as assumed or known.
    mirrored : bool
    corners_px : dict of level to (4, 2) float64
        (u, v) on ``pixels``.
    """

    name: str
    person: str
    view: ViewName
    pixels: NDArray[np.float32]
    pixel_mm: Array
    mirrored: bool
    corners_px: dict[str, Array]

    @property
    def middle_px(self) -> Array:
        """(u, v) of the film's middle."""
        rows, columns = self.pixels.shape
        return np.array([(columns - 1) / 2, (rows - 1) / 2])

    def beam(self, scale: float = 1.0, opposite_px: Array | None = None) -> ConeBeam:
        """The nominal room on the film's own pixels.

        Parameters
        ----------
        scale : float
            Of the assumed pixel size.
        opposite_px : (2,) float, optional
            The pixel opposite the source; by default the film's middle.
        """
        towards, across = _AXES[self.view]
        if self.mirrored:
            towards, across = -towards, -across
        rotation = np.stack([across, [0.0, 0.0, -1.0], -towards])
        spacing = self.pixel_mm * scale
        rows, columns = self.pixels.shape
        source = towards * SOURCE_TO_DETECTOR_MM / MAGNIFICATION
        return ConeBeam(
            camera_from_world=frames.rigid(rotation, -rotation @ source),
            focal_px=SOURCE_TO_DETECTOR_MM / spacing,
            principal_px=self.middle_px if opposite_px is None else opposite_px,
            pixel_spacing_mm=spacing,
            rows=rows,
            columns=columns,
        )

    def network_view(self, beam: ConeBeam) -> NetworkView:
        """As the service hands a film to the detector.

        Raises
        ------
        EmptyImageError
            The film is constant.
        """
        header = ImageHeader(ImageFormat.PNG, *self.pixels.shape)
        return to_network_grid(Radiograph(self.pixels, header, False), beam, self.view)

    def mm(self, pixels: Array) -> Array:
        """Lengths (..., 2) on the film in mm at the spine, for the pixel size as assumed."""
        return np.asarray(pixels * self.pixel_mm / MAGNIFICATION)


def load_films(data: Path, films: Path | None = None) -> list[RealFilm]:
    """Every film of ``data/annotations.json``.

    Parameters
    ----------
    data : Path
        Folder of the annotations.
    films : Path, optional
        Folder of the films, if another.

    Raises
    ------
    OSError
        A file is missing.
    ValueError, KeyError, TypeError
        The annotations are not as described above.
    """
    notes = json.loads((data / ANNOTATIONS).read_text())["films"]
    return [load_film(films or data, note) for note in notes]


def load_film(folder: Path, note: Mapping[str, Any]) -> RealFilm:
    """One film; errors as of ``load_films``."""
    if note["view"] not in VIEWS or not set(note["bodies"]) <= set(LEVELS):
        raise ValueError(f"{note['file']}: view or levels are none of {VIEWS}, {LEVELS}")
    with Files.open(folder / note["file"]) as file:
        stored = file if file.mode in ("L", "I", "I;16") else file.convert("L")
        pixels = np.asarray(stored, dtype=np.float32)
    aspect = STRETCHED_ASPECT * pixels.shape[0] / pixels.shape[1] if note.get("square") else 1.0
    left, top, right, bottom = note.get("crop") or (0, 0, pixels.shape[1], pixels.shape[0])
    pixels = np.ascontiguousarray(pixels[top:bottom, left:right])
    if note.get("inverted"):
        pixels = pixels.max() + pixels.min() - pixels
    corners = {level: np.array(points, dtype=np.float64) - (left, top) for level, points in note["bodies"].items()}
    square = np.array([aspect, 1.0])
    return RealFilm(
        name=Path(note["file"]).stem,
        person=" ".join(str(note[key]) for key in ("patient", "date") if note.get(key)),
        view=note["view"],
        pixels=pixels,
        pixel_mm=square * (note.get("pixel_mm") or _assumed_mm(corners, square, note.get("body_height_mm"))),
        mirrored=bool(note.get("mirrored")),
        corners_px=corners,
    )


def _assumed_mm(corners: Mapping[str, Array], square: Array, height_mm: float | None) -> float:
    """Height of a pixel at the detector if the median body is as high as people's are."""
    points = np.stack(list(corners.values())) * square
    heights = np.linalg.norm(points[:, :2].mean(axis=1) - points[:, 2:].mean(axis=1), axis=-1)
    return (height_mm or BODY_HEIGHT_MM) * BODY_MAGNIFICATION / float(np.median(heights))
