"""Arrival of a film, by whatever way: on disk and in the ledger before the sender hears that it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from lumbar3d.cli.bridge.ledger import Film, Ledger
from lumbar3d.cli.bridge.session import Session
from lumbar3d.cli.bridge.spool import Spool
from lumbar3d.errors import Lumbar3dError
from lumbar3d.imaging.inspect import inspect_upload

KINDS: dict[UID, str] = {
    DigitalXRayImageStorageForPresentation: "DX",
    ComputedRadiographyImageStorage: "CR",
    XRayAngiographicImageStorage: "XA",
    XRayRadiofluoroscopicImageStorage: "RF",
}
"""What is taken, with its modality. Not Secondary Capture: results come as such, and an archive that forwards all
would send them back."""
SPINE = ("SPINE", "LUMBAR")
"""One of these is in Body Part Examined, where a film says one: LSPINE, TLSPINE, WHOLESPINE, LUMBAR SPINE."""


@dataclass(frozen=True)
class Arrivals:
    """Where films go."""

    ledger: Ledger
    spool: Spool

    def take(self, sop: str, content: bytes, dataset: Dataset) -> None:
        """Write and record a film; no change where it is known.

        Parameters
        ----------
        sop : str
        content : bytes
            Its file.
        dataset : Dataset
            The same, read.

        Raises
        ------
        OSError, sqlite3.Error
            It was not taken: the sender keeps it and tries again.
        """
        if self.ledger.knows(sop):
            return
        film = understood(sop, dataset, self.spool.keep_film(sop, content))
        self.ledger.add(film)
        if film.fault is not None:
            self.spool.drop_film(sop)


def understood(sop: str, dataset: Dataset, path: Path) -> Film:
    """The film as far as pairing needs it, with the reason where it can be in no pair."""
    study = str(dataset.get("StudyInstanceUID") or "")
    part = str(dataset.get("BodyPartExamined") or "").upper()
    try:
        view = inspect_upload(path).view
    except Lumbar3dError as error:
        return Film(sop, study, None, f"{error} ({error.code})")
    fault = None
    if not study:
        fault = "no Study Instance UID"
    elif part and not any(word in part for word in SPINE):
        fault = "Body Part Examined is not the spine"
    elif view is None:
        fault = "View Position says neither AP or PA nor lateral"
    return Film(sop, study, view, fault, Session.of(dataset))
