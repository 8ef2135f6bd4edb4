"""A DICOM film whose every identifying element holds a canary."""

from __future__ import annotations

from pydicom import Dataset, Sequence, uid
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import FileDataset

from lumbar3d.imaging.formats import dicom

NAME, UID, DAY, TIME, NUMBER = "CANARY^DOE^JANE", "1.2.840.99999.4711.42", "19450508", "112233.445566", "4711.4242"
PLANTED = {
    **dict.fromkeys(("PN", "LO", "SH", "ST", "LT", "UT", "UC", "AE", "CS", "UR"), NAME),
    "UI": UID,
    "DA": DAY,
    "DT": DAY + TIME,
    "TM": TIME,
    "AS": "077Y",
    "DS": NUMBER,
    "IS": "471142",
}
SECRETS = [text.encode() for text in (NAME, "DOE", "JANE", UID, DAY, TIME, "077Y", NUMBER, "471142", "4711")]
NEEDED = {*dicom._KEYWORDS, "SpecificCharacterSet", "TransferSyntaxUID"}


def plant(dataset: FileDataset) -> FileDataset:
    """A canary in every element of the standard that holds text, in private ones, overlays and sequences."""
    for tag, (representation, _, _, _, keyword) in DicomDictionary.items():
        is_ours = keyword not in NEEDED and tag >> 16 not in (0, 2, 4, 0x7FE0, 0xFFFE)
        if keyword and is_ours and representation in PLANTED:
            dataset.add_new(tag, representation, PLANTED[representation])
    hidden = Dataset()
    hidden.PatientName = NAME
    dataset.RequestAttributesSequence = Sequence([hidden])
    dataset.private_block(0x0099, NAME, create=True).add_new(1, "LO", NAME)
    dataset.add_new(0x60003000, "OW", NAME.encode() * 2)
    dataset.add_new(0xFFFCFFFC, "OB", NAME.encode() + b" ")
    dataset.ViewPosition, dataset.LossyImageCompression = "AP", "00"
    dataset.PatientID, dataset.StudyInstanceUID = NAME, UID
    dataset.file_meta.MediaStorageSOPInstanceUID = uid.UID(UID)
    dataset.file_meta.SourceApplicationEntityTitle = NAME[:16]
    return dataset


UNLIKELY = [secret for secret in SECRETS if len(secret) >= 8]
"""Those that chance does not write into pixels or hashes."""
