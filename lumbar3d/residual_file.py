"""Residual files: where the bone that the networks see and the fitted bone differ, one small picture a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

from lumbar3d.arrays import Image
from lumbar3d.artifacts import RESIDUAL
from lumbar3d.drr.projector import Projector
from lumbar3d.reconstruction import Reconstruction
from lumbar3d.registration.guides import guides

NO_DIFFERENCE, WHOLE = 128, 127
"""Grey value of none, and by how much a whole opacity (bone without end) is brighter or darker."""


def write_residuals(reconstruction: Reconstruction, directory: Path, projector: Projector) -> None:
    """Write both pictures into an existing folder, the way round that the films were sent.

    The difference is what the fit has left: the film's bone as the networks separate it from everything else, less the
    DRR of the fitted vertebrae. The film itself holds far more than bone, and its grey values have no unit.
    """
    detection, blur_px = reconstruction.detection, reconstruction.registration.constants.psf_sigma_px
    drawn = guides(reconstruction.vertebrae, detection, projector)
    for view, found, fitted in zip(reconstruction.views, detection.views, drawn, strict=True):
        left = _together(found.decomposition) - gaussian_filter(_together(fitted.opacity), blur_px)
        grey = np.rint(NO_DIFFERENCE + WHOLE * view.as_sent(left)).astype(np.uint8)
        Picture.fromarray(grey).save(directory / RESIDUAL.name(view.view), format="PNG")


def _together(opacity: Image) -> Image:
    """Opacity (rows, columns) of all vertebrae behind each other."""
    return np.asarray(1.0 - np.prod(1.0 - opacity, axis=0), dtype=np.float32)
