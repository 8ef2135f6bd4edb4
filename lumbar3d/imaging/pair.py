"""From two files and their calibration to the two views that the network reads."""

from __future__ import annotations

from pathlib import Path

from lumbar3d.contracts import Calibration
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.consistency import check_pair
from lumbar3d.imaging.preprocess import NetworkView, to_network_grid
from lumbar3d.imaging.radiograph import load_radiograph


def read_pair(
    paths: tuple[Path, Path], calibration: Calibration
) -> tuple[tuple[NetworkView, NetworkView], tuple[str, ...]]:
    """Read AP and LAT, check them against each other and the calibration, bring them to the network's grid.

    Returns
    -------
    views : (NetworkView, NetworkView)
    notes : tuple of str
        Remarks about geometry and images.

    Raises
    ------
    InputError
        Calibration or images cannot be used.
    """
    geometry = build_geometry(calibration)
    ap = load_radiograph(paths[0], calibration.ap.photometric_interpretation)
    lat = load_radiograph(paths[1], calibration.lat.photometric_interpretation)
    check_pair(ap.header, lat.header, calibration)
    ap_view, lat_view = to_network_grid(ap, geometry.ap, "ap"), to_network_grid(lat, geometry.lat, "lat")
    return (ap_view, lat_view), (*geometry.notes, *ap_view.notes, *lat_view.notes)
