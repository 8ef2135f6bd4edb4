"""C-STORE service class provider, which takes films from an archive or a modality."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from lumbar3d.cli.bridge.ledger import Film, Ledger
from lumbar3d.cli.bridge.spool import Spool
from lumbar3d.cli.errors import CliError
from lumbar3d.errors import Lumbar3dError
from lumbar3d.imaging.formats.dicom_syntaxes import SYNTAXES
from lumbar3d.imaging.inspect import inspect_upload

VERIFICATION = UID("1.2.840.10008.1.1")
"""C-ECHO: archives ask with it whether a destination is there."""
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700
KINDS = (
    DigitalXRayImageStorageForPresentation,
    ComputedRadiographyImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)
"""What is taken. Not Secondary Capture: results come as such, and an archive that forwards all would send them back."""
SPINE = ("SPINE", "LUMBAR")
"""One of these is in Body Part Examined, where a film says one: LSPINE, TLSPINE, WHOLESPINE, LUMBAR SPINE."""


class Receiver:
    """Writes each film and records it before it answers that it has it.

    Parameters
    ----------
    ledger : Ledger
    spool : Spool
    ae_title : str
        Of this bridge.
    calling : tuple of str
        AE titles that may send; empty: all.
    """

    def __init__(self, ledger: Ledger, spool: Spool, ae_title: str, calling: tuple[str, ...]) -> None:
        self._ledger, self._spool = ledger, spool
        self._entity = AE(ae_title=ae_title)
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = list(calling)
        self._entity.add_supported_context(VERIFICATION)
        for kind in KINDS:
            self._entity.add_supported_context(kind, sorted(SYNTAXES))

    def listen(self, host: str, port: int) -> ThreadedAssociationServer:
        """Serve in threads until ``shutdown``.

        Raises
        ------
        CliError
            The port cannot be had.
        """
        try:
            server = self._entity.start_server(
                (host, port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._on_store)]
            )
        except OSError as error:
            raise CliError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
        assert isinstance(server, ThreadedAssociationServer)
        return server

    def _on_store(self, event: Event) -> int:
        assert isinstance(event.request, C_STORE)
        sop = str(event.request.AffectedSOPInstanceUID)
        try:
            if not self._ledger.knows(sop):
                path = self._spool.keep_film(sop, event.encoded_dataset())
                film = understood(sop, event.dataset, path)
                self._ledger.add(film)
                if film.fault is not None:
                    self._spool.drop_film(sop)
        except (OSError, sqlite3.Error):
            return OUT_OF_RESOURCES  # the sender keeps it and tries again
        return SUCCESS


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
    return Film(sop, study, view, fault)
