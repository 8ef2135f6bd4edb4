"""Header-only checks of an uploaded radiograph: safe to call in the web process."""

from __future__ import annotations

from pathlib import Path

from lumbar3d.errors import ImageTooLargeError, RadiographError, UnsupportedFormatError
from lumbar3d.imaging.dicom import DICOM_MAGIC, inspect_dicom
from lumbar3d.imaging.header import LIMITS, ImageHeader
from lumbar3d.imaging.raster import PNG_MAGIC, TIFF_MAGIC, inspect_png, inspect_tiff


def inspect_upload(path: Path) -> ImageHeader:
    """Decide by the first bytes what a file is and whether it may be decoded.

    Accepted are 16-bit grey PNG and TIFF, and uncompressed DICOM CR and DX. Nothing is decoded, at most
    512 KiB are read, and no message quotes the file.

    Raises
    ------
    ImageTooLargeError
        More than 128 MiB or 40 megapixels.
    UnsupportedFormatError
        Another format (ZIP, JPEG, JPEG 2000 ...), depth, or a compressed DICOM transfer syntax.
    RadiographError
        A damaged file.
    """
    try:
        if path.stat().st_size > LIMITS.file_bytes:
            raise ImageTooLargeError(f"more than {LIMITS.file_bytes // 2**20} MiB")
        with path.open("rb") as file:
            head = file.read(132)
    except OSError as error:
        raise RadiographError("the file cannot be read") from error
    if head.startswith(PNG_MAGIC):
        return inspect_png(path)
    if head[:4] in TIFF_MAGIC:
        return inspect_tiff(path)
    if head[128:132] == DICOM_MAGIC:
        return inspect_dicom(path)
    raise UnsupportedFormatError("send 16-bit grey PNG or TIFF, or an uncompressed DICOM CR or DX image")
