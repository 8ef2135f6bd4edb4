"""C-STORE service class provider, which takes films from an archive or a modality."""

from __future__ import annotations

import sqlite3

from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from lumbar3d.cli.bridge.arrivals import KINDS, Arrivals
from lumbar3d.cli.errors import CliError
from lumbar3d.imaging.formats.dicom_syntaxes import SYNTAXES

VERIFICATION = UID("1.2.840.10008.1.1")
"""C-ECHO: archives ask with it whether a destination is there."""
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700


class Receiver:
    """Writes each film and records it before it answers that it has it.

    Parameters
    ----------
    arrivals : Arrivals
    ae_title : str
        Of this bridge.
    calling : tuple of str
        AE titles that may send; empty: all.
    """

    def __init__(self, arrivals: Arrivals, ae_title: str, calling: tuple[str, ...]) -> None:
        self._arrivals = arrivals
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
            if not self._arrivals.ledger.knows(sop):
                self._arrivals.take(sop, event.encoded_dataset(), event.dataset)
        except (OSError, sqlite3.Error):
            return OUT_OF_RESOURCES  # the sender keeps it and tries again
        return SUCCESS
