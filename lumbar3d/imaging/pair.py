"""Pair of network views from two files and their calibration."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lumbar3d.contracts import VIEWS, Calibration
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.consistency import check_pair
from lumbar3d.imaging.inspect import about_image
from lumbar3d.imaging.preprocess import NetworkView, to_network_grid
from lumbar3d.imaging.radiograph import Photometric, Radiograph, load_radiograph


def read_pair(
    paths: tuple[Path, Path], calibration: Calibration
) -> tuple[tuple[NetworkView, NetworkView], tuple[str, ...]]:
    """Read AP and LAT, check them against each other and the calibration, bring them to the network's grid.

    Returns
    -------
    views : (NetworkView, NetworkView)
    notes : tuple of str
        Remarks about geometry, headers, files (``ap_eight_bit``, ``lat_lossy``) and images.

    Raises
    ------
    InputError
        Calibration or images cannot be used.
    """
    build_geometry(calibration)  # refused before anything is decoded
    stored_as = (calibration.ap.photometric_interpretation, calibration.lat.photometric_interpretation)
    with ThreadPoolExecutor(2) as both:  # each waits for a process of its own
        ap, lat = both.map(load_image, VIEWS, paths, stored_as)
    return pair_of(ap, lat, calibration)


def pair_of(
    ap: Radiograph, lat: Radiograph, calibration: Calibration
) -> tuple[tuple[NetworkView, NetworkView], tuple[str, ...]]:
    """The same of decoded images."""
    geometry = build_geometry(calibration)
    notes_of_headers = check_pair(ap.header, lat.header, calibration, geometry)
    ap_behind, lat_behind = geometry.seen_from_behind
    with about_image("ap"):
        ap_view = to_network_grid(ap, geometry.ap, "ap", ap_behind, geometry.centre_mm)
    with about_image("lat"):
        lat_view = to_network_grid(lat, geometry.lat, "lat", lat_behind, geometry.centre_mm)
    notes_of_files = [f"{view}_{note}" for view, film in (("ap", ap), ("lat", lat)) for note in film.header.notes]
    notes = (*geometry.notes, *notes_of_headers, *notes_of_files, *ap_view.notes, *lat_view.notes)
    return (ap_view, lat_view), notes


def load_image(view: str, path: Path, stored_as: Photometric) -> Radiograph:
    """``load_radiograph`` of one of the two images; what is refused names it."""
    with about_image(view):
        return load_radiograph(path, stored_as)
