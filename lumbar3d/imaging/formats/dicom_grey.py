"""Grey values of DICOM pixel cells: stored bits and sign (PS3.3 C.7.6.3.1), modality transformation (C.11.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian

from lumbar3d.errors import RadiographError
from lumbar3d.imaging.formats.dicom_attributes import number
from lumbar3d.imaging.formats.dicom_pixels import PixelLayout
from lumbar3d.imaging.formats.dicom_reader import DicomContent
from lumbar3d.imaging.sandbox import Samples

Grey = NDArray[np.uint16] | NDArray[np.int16]


def stored_values(cells: Samples, layout: PixelLayout, top: int) -> Grey:
    """Grey values of pixel cells: other bits (overlays) are shifted out on both sides, the sign is kept.

    The same whatever the codec was: JPEG-LS knows no sign, JPEG 2000 may say another than the header.

    Parameters
    ----------
    cells : (rows, columns) 8 or 16-bit integers
    layout : PixelLayout
    top : int
        The highest bit of the cell that belongs to the value.

    Returns
    -------
    (rows, columns) uint16, or int16 where the layout is signed
    """
    if layout.is_lossy and top == layout.bits_stored - 1:
        cells = _without_overshoot(cells, layout)
    words = (cells if cells.dtype.itemsize == 2 else cells.astype(np.int16)).view(np.uint16)
    aligned = words << np.uint16(15 - top)
    spare = 16 - layout.bits_stored
    return aligned.view(np.int16) >> np.int16(spare) if layout.is_signed else aligned >> np.uint16(spare)


def _without_overshoot(cells: Samples, layout: PixelLayout) -> Samples:
    """A lossy codec may leave the scale at one end; masked, the value would come back at the other."""
    is_signed = cells.dtype.kind == "i"
    low = -(2 ** (layout.bits_stored - 1)) if is_signed else 0
    high = 2 ** (layout.bits_stored - (is_signed and layout.is_signed)) - 1
    limits = np.iinfo(cells.dtype)
    return cells.clip(max(low, limits.min), min(high, limits.max))


def after_modality(stored: Grey, content: DicomContent) -> Grey:
    """Grey values that the modality transformation gives, up to scale and offset, which normalisation takes away.

    Of Rescale Slope only the sign is left then.

    Raises
    ------
    RadiographError
        The transformation is damaged.
    """
    dataset = content.dataset
    if dataset.get("ModalityLUTSequence"):
        return _looked_up(stored, dataset.ModalityLUTSequence[0], content)
    slope = number(dataset, "RescaleSlope")
    if slope is None and dataset.get("RescaleSlope") not in (None, ""):
        raise RadiographError("the DICOM attribute Rescale Slope is not a number")
    slope = 1.0 if slope is None else slope
    if slope == 0.0:
        raise RadiographError("the DICOM attribute Rescale Slope maps all pixels to one value")
    return ~stored if slope < 0 else stored


def _looked_up(stored: Grey, item: Dataset, content: DicomContent) -> Grey:
    order = ">" if content.syntax == ExplicitVRBigEndian else "<"
    count, first, bits = (int(number) for number in _words(item.LUTDescriptor, order))
    table = _words(item.LUTData, order)
    if stored.dtype.kind == "i" and first > 0x7FFF:
        first -= 0x10000
    if table.size != (count or 0x10000) or not 8 <= bits <= 16:
        raise RadiographError("the Modality LUT Sequence is damaged")
    return table[np.clip(stored.astype(np.int32) - first, 0, table.size - 1)]


def _words(value: Any, order: str) -> NDArray[np.uint16]:
    """Numbers, or bytes where the file does not say that they are numbers."""
    if isinstance(value, bytes):
        return np.frombuffer(value, order + "u2").astype(np.uint16)
    return np.asarray(value, np.int32).astype(np.uint16)
