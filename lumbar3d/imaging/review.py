"""Review of two images and their calibration: all that can be said before anything is reconstructed.

Every verdict is that of the functions that a job uses; here they are asked one after another and none stops the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEW_TITLE, VIEWS, Calibration
from lumbar3d.errors import InputError
from lumbar3d.geometry.calibration import BiplanarGeometry, build_geometry
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.consistency import pair_checks
from lumbar3d.imaging.header import ImageHeader
from lumbar3d.imaging.inspect import about_image, inspect_image
from lumbar3d.imaging.pair import load_image
from lumbar3d.imaging.preprocess import to_network_grid
from lumbar3d.imaging.radiograph import Photometric

Answer = TypeVar("Answer")

_WORLD = ("anterior", "to the patient's left", "up"), ("posterior", "to the patient's right", "down")


@dataclass(eq=False)
class Review:
    """Findings about two images and their calibration.

    Attributes
    ----------
    images : dict of view to facts
        As far as a file could be read.
    room : dict of view to facts
        As far as the calibration is one.
    view_angle_deg : float or None
    notes : list of str
        What the result would say, as stable codes.
    refusals : list of dict
        ``code`` and ``detail`` of everything for which a job would be refused.
    """

    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    room: dict[str, dict[str, Any]] = field(default_factory=dict)
    view_angle_deg: float | None = None
    notes: list[str] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "accepted": not self.refusals,
            "refusals": self.refusals,
            "notes": self.notes,
            "images": self.images,
            "calibration": self.room,
            "view_angle_deg": self.view_angle_deg,
        }

    def lines(self) -> list[str]:
        """In words."""
        told = [f"{VIEW_TITLE[view]} image: {_image_words(facts)}" for view, facts in self.images.items()]
        told += [f"{VIEW_TITLE[view]} view: {_room_words(facts)}" for view, facts in self.room.items()]
        told += [
            f"{VIEW_TITLE[view]} image and calibration: {_both_words(self.images[view], facts)}"
            for view, facts in self.room.items()
            if view in self.images
        ]
        if self.view_angle_deg is not None:
            told.append("World frame: x anterior, y to the patient's left, z up, as far as rays and film rows tell")
            told.append(f"Angle between the views: {self.view_angle_deg:.1f} degrees")
        told += [f"Note: {note}" for note in self.notes]
        told += [f"Refused ({refusal['code']}): {refusal['detail']}" for refusal in self.refusals]
        return [*told, "A job would be refused." if self.refusals else "A job would be accepted."]

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        """The answer, or None and a refusal."""
        try:
            return question()
        except InputError as error:
            refusal = {"code": error.code, "detail": str(error)}
            if refusal not in self.refusals:
                self.refusals.append(refusal)
            return None


def review(paths: tuple[Path, Path], calibration: Calibration | None) -> Review:
    """Look at everything that a job would look at before it detects anything.

    Parameters
    ----------
    paths : (Path, Path)
        AP and lateral image.
    calibration : Calibration or None
        None where the document is none; the images are looked at all the same.
    """
    found = Review()
    geometry = _room(found, calibration) if calibration is not None else None
    headers = [found.ask(partial(inspect_image, view, path)) for view, path in zip(VIEWS, paths, strict=True)]
    for view, path, header in zip(VIEWS, paths, headers, strict=True):
        if header is not None:
            found.images[view] = _image_facts(header)
            found.notes += [f"{view}_{note}" for note in header.notes]
            _pixels(found, view, path, calibration, geometry)
    ap, lat = headers
    if ap is not None and lat is not None and calibration is not None and geometry is not None:
        for check in pair_checks(ap, lat, calibration, geometry):
            found.notes += found.ask(check) or ()
    return found


def _room(found: Review, calibration: Calibration) -> BiplanarGeometry | None:
    with np.errstate(all="ignore"):  # absurd numbers overflow on their way to a typed refusal
        geometry = found.ask(lambda: build_geometry(calibration))
    if geometry is None:
        return None
    found.view_angle_deg = round(geometry.view_angle_deg, 2)
    found.notes += geometry.notes
    views = zip(VIEWS, (geometry.ap, geometry.lat), geometry.seen_from_behind, strict=True)
    for view, beam, is_behind in views:
        found.room[view] = _room_facts(beam, geometry.centre_mm, is_behind)
    return geometry


def _room_facts(beam: ConeBeam, centre_mm: Array, is_behind: bool) -> dict[str, Any]:
    _, rays = beam.rays(np.array([[(beam.columns - 1) / 2, (beam.rows - 1) / 2]]))
    across, down = beam.camera_from_world[0, :3], beam.camera_from_world[1, :3]
    return {
        "columns": beam.columns,
        "rows": beam.rows,
        "pixel_spacing_mm": [round(float(value), 6) for value in beam.pixel_spacing_mm],
        "source_to_detector_mm": round(beam.source_to_detector_mm, 2),
        "source_to_patient_mm": round(float(np.linalg.norm(beam.source_world_mm - centre_mm)), 2),
        "rays_run": _direction(rays[0]),
        "columns_run": _direction(-across if is_behind else across),
        "rows_run": _direction(down),
        "seen_from_behind": is_behind,
    }


def _direction(axis: Array) -> str:
    """The nearest direction of the world, and how far it is."""
    k = int(np.abs(axis).argmax())
    off_deg = np.degrees(np.arccos(min(abs(float(axis[k])), 1.0)))
    near = f" ({off_deg:.0f} degrees off)" if off_deg >= 0.5 else ""
    return _WORLD[int(axis[k] < 0)][k] + near


def _image_facts(header: ImageHeader) -> dict[str, Any]:
    told = header.room
    facts = {
        "format": header.format.value,
        "kind": header.kind,
        "columns": header.columns,
        "rows": header.rows,
        "bits": header.bits_stored,
        "photometric": header.photometric,
        "pixel_spacing_mm": header.spacing_mm and list(header.spacing_mm),
        "view_position": header.view,
        "source_to_detector_mm": told.source_to_detector_mm,
        "source_to_patient_mm": told.source_to_patient_mm,
        "positioner_angles_deg": _known(told.primary_angle_deg, told.secondary_angle_deg),
        "patient_orientation": told.orientation and list(told.orientation),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _known(*values: float | None) -> list[float] | None:
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else None


def _pixels(
    found: Review, view: str, path: Path, calibration: Calibration | None, geometry: BiplanarGeometry | None
) -> None:
    """Decode the image, and put it on the network's grid where there is a calibration of its size."""
    stored_as: Photometric = "MONOCHROME2"
    if calibration is not None:
        stored_as = (calibration.ap if view == "ap" else calibration.lat).photometric_interpretation
    film = found.ask(partial(load_image, view, path, stored_as))
    if film is None or geometry is None:
        return
    beam, is_behind = ((geometry.ap, geometry.lat)[k := VIEWS.index(view)], geometry.seen_from_behind[k])
    if film.pixels.shape != (beam.rows, beam.columns):
        return  # the check of the pair says so

    def on_grid() -> tuple[str, ...]:
        with about_image(view):
            return to_network_grid(film, beam, "ap" if view == "ap" else "lat", is_behind).notes

    found.notes += found.ask(on_grid) or ()


def _image_words(facts: dict[str, Any]) -> str:
    words = [facts["format"].upper() + (f", {facts['kind']}" if "kind" in facts else "")]
    words.append(f"{facts['columns']} columns x {facts['rows']} rows, {facts['bits']} bits")
    if "pixel_spacing_mm" in facts:
        words.append("pixel spacing {:.4g} x {:.4g} mm".format(*facts["pixel_spacing_mm"]))
    else:
        words.append("says no pixel spacing at the detector")
    for name, text in (("source_to_detector_mm", "source to detector"), ("source_to_patient_mm", "source to patient")):
        if name in facts:
            words.append(f"{text} {facts[name]:.0f} mm")
    if "view_position" in facts:
        words.append(f"view position {VIEW_TITLE[facts['view_position']]}")
    return "; ".join(words)


def _both_words(image: dict[str, Any], room: dict[str, Any]) -> str:
    """What both say: the image's, then the calibration's."""
    both = [f"{image['columns']} x {image['rows']} and {room['columns']} x {room['rows']} pixels"]
    if "pixel_spacing_mm" in image:
        spacings = ["{:.4g} x {:.4g}".format(*facts["pixel_spacing_mm"]) for facts in (image, room)]
        both.append(f"spacing {spacings[0]} and {spacings[1]} mm")
    for name, text in (("source_to_detector_mm", "source to detector"), ("source_to_patient_mm", "source to patient")):
        if name in image:
            both.append(f"{text} {image[name]:.0f} and {room[name]:.0f} mm")
    return ", ".join(both)


def _room_words(facts: dict[str, Any]) -> str:
    behind = " (seen from behind: turned over for the networks)" if facts["seen_from_behind"] else ""
    spacing = "{:.4g} x {:.4g}".format(*facts["pixel_spacing_mm"])
    return (
        f"{facts['columns']} columns x {facts['rows']} rows, pixel spacing {spacing} mm; source to detector "
        f"{facts['source_to_detector_mm']:.0f} mm, source to patient {facts['source_to_patient_mm']:.0f} mm; rays run "
        f"{facts['rays_run']}, columns {facts['columns_run']}, rows {facts['rows_run']}{behind}"
    )
