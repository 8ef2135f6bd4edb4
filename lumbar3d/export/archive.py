"""Files in one zip: equal files give equal bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can hold."""


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files by name, uncompressed: few are fetched, and each is made in every job."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), content)
    return buffer.getvalue()


def unzipped(archive: bytes) -> dict[str, bytes]:
    """Files of a zip of ours."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
