"""Secondary Capture of both films with the outlines: what every archive can show."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from lumbar3d.dicom_out.objects import FIRST_SERIES, Origin, new_object, refer, references


def secondary_capture(origin: Origin, png: bytes) -> Dataset:
    """The overlay picture, 8-bit colour, referring to both films.

    Parameters
    ----------
    origin : Origin
    png : bytes
        AP and lateral side by side.
    """
    with Image.open(BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    capture = new_object(origin, "outlines", SecondaryCaptureImageStorage, "OT", FIRST_SERIES + 1)
    capture.ConversionType = "WSD"
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.DerivationDescription = "AP and lateral film, reduced, with the outlines of the fitted vertebrae"
    capture.SourceImageSequence = references(origin)
    refer(capture, origin)
    capture.Laterality = ""
    capture.PatientOrientation = ""  # two views: one answer would be wrong for one of them
    capture.BurnedInAnnotation = "NO"
    capture.LossyImageCompression = "00"
    capture.SamplesPerPixel, capture.PhotometricInterpretation, capture.PlanarConfiguration = 3, "RGB", 0
    capture.Rows, capture.Columns = pixels.shape[:2]
    capture.BitsAllocated, capture.BitsStored, capture.HighBit, capture.PixelRepresentation = 8, 8, 7, 0
    data = pixels.tobytes()
    capture.add_new("PixelData", "OB", data + b"\0" * (len(data) % 2))
    return capture
