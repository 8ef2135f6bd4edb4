"""De-identification (DICOM PS3.15, basic profile, by an allow-list): an image is kept as what its decoder needs.

Everything else of the file is dropped: names, ids, dates, UIDs, private elements, overlays, comments, thumbnails. Words
that are burnt into the pixels stay, because nobody can tell them from anatomy without looking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from lumbar3d.errors import RadiographError
from lumbar3d.imaging.formats import clean_dicom, clean_rasters
from lumbar3d.imaging.header import ImageFormat, ImageHeader
from lumbar3d.imaging.inspect import inspect_upload

Clean = Callable[[Path, Path], dict[str, str]]
_RASTERS: dict[ImageFormat, Clean] = {
    ImageFormat.PNG: clean_rasters.copy_png,
    ImageFormat.TIFF: clean_rasters.copy_tiff,
    ImageFormat.JPEG: clean_rasters.copy_jpeg,
}


def deidentify(path: Path, salt: bytes) -> dict[str, str]:
    """Replace an accepted image by one with the same pixels and nothing that names anybody.

    Patient and study get pseudonyms that two images have in common where they had theirs in common.

    Parameters
    ----------
    path : Path
        A file that ``inspect_upload`` accepts; rewritten.
    salt : bytes
        Of the pseudonyms: random, the same for both images of a pair, and kept nowhere.

    Returns
    -------
    dict of str to str
        The identifiers that it had and that an answer to its archive needs, by DICOM keyword.

    Raises
    ------
    RadiographError
        Not accepted, or the copy would not be read as the original is.
    """
    before = inspect_upload(path)
    copy = path.with_name(path.name + ".clean")
    clean = _RASTERS.get(before.format, partial(clean_dicom.copy, salt=salt))
    try:
        identifiers = clean(path, copy)
        if _nameless(inspect_upload(copy)) != _nameless(before):
            raise RadiographError("the image cannot be separated from what identifies the patient")
        copy.replace(path)
    finally:
        copy.unlink(missing_ok=True)
    return identifiers


def _nameless(header: ImageHeader) -> ImageHeader:
    return replace(header, patient_hash=None, study_hash=None)
