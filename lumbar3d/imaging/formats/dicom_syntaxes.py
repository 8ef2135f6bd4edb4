"""The transfer syntaxes of DICOM that are read: plain ones, and streams with their codec."""

from __future__ import annotations

from collections.abc import Callable

from pydicom import uid

from lumbar3d.imaging.formats.codestream import Frame, jpeg2000_frame, jpeg_frame
from lumbar3d.imaging.formats.dicom_reader import DicomContent
from lumbar3d.imaging.sandbox import Codec

STREAMS: dict[str, tuple[Codec, Callable[[bytes], Frame]]] = {
    uid.JPEGBaseline8Bit: ("jpeg", jpeg_frame),
    uid.JPEGExtended12Bit: ("jpeg", jpeg_frame),
    uid.JPEGLossless: ("jpeg", jpeg_frame),
    uid.JPEGLosslessSV1: ("jpeg", jpeg_frame),
    uid.JPEGLSLossless: ("jpeg_ls", jpeg_frame),
    uid.JPEGLSNearLossless: ("jpeg_ls", jpeg_frame),
    uid.JPEG2000Lossless: ("jpeg_2000", jpeg2000_frame),
    uid.JPEG2000: ("jpeg_2000", jpeg2000_frame),
    uid.HTJ2KLossless: ("htj2k", jpeg2000_frame),
    uid.HTJ2KLosslessRPCL: ("htj2k", jpeg2000_frame),
    uid.HTJ2K: ("htj2k", jpeg2000_frame),
}
"""Codec, and what reads the size that the stream says of itself. RLE says none."""
_MAYBE_LOSSY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K)
NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
SYNTAXES = frozenset((*NATIVE, *STREAMS, uid.RLELossless))
"""Transfer syntaxes that are read."""


def is_lossy(content: DicomContent) -> bool:
    """Whether grey values were changed by compression, once or now."""
    said = str(content.dataset.get("LossyImageCompression"))
    return said == "01" or (content.syntax in _MAYBE_LOSSY and said != "00")
