"""C-STORE service class provider, which takes films from an archive or a modality."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from lumbar3d.cli.bridge.arrivals import KINDS, Arrivals
from lumbar3d.cli.bridge.bounds import MEBIBYTE, BoundedServer, Bounds, bound, is_too_long
from lumbar3d.cli.bridge.ledger import Refusal
from lumbar3d.cli.bridge.spool import SpoolFullError
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
    bounds : Bounds
    tell : callable
        Given the reason why a film or an association was refused.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        ae_title: str,
        calling: tuple[str, ...],
        bounds: Bounds = Bounds(),  # noqa: B008 (frozen)
        tell: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._arrivals, self._bounds, self._tell = arrivals, bounds, tell
        self._entity = AE(ae_title=ae_title)
        self._entity.maximum_associations = bounds.associations
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = list(calling)
        self._entity.add_supported_context(VERIFICATION)
        for kind in KINDS:
            self._entity.add_supported_context(kind, sorted(SYNTAXES))

    def listen(self, host: str, port: int) -> BoundedServer:
        """Serve in threads until ``shutdown``.

        Raises
        ------
        CliError
            The port cannot be had.
        """
        handlers: list[evt.EventHandlerType] = [
            (evt.EVT_CONN_OPEN, bound, [self._bounds]),
            (evt.EVT_REJECTED, self._on_rejected),
            (evt.EVT_C_STORE, self._on_store),
        ]
        try:
            server = self._entity.make_server((host, port), evt_handlers=handlers, server_class=BoundedServer)
        except OSError as error:
            raise CliError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
        assert isinstance(server, BoundedServer)
        self._entity._servers.append(server)  # as ``start_server`` does, which takes no class of servers
        threading.Thread(target=server.serve_forever, name="dicom-listener", daemon=True).start()
        return server

    def _on_store(self, event: Event) -> int:
        assert isinstance(event.request, C_STORE)
        sop = str(event.request.AffectedSOPInstanceUID)
        try:
            if self._arrivals.ledger.knows(sop):
                return SUCCESS
            if is_too_long(event, self._bounds):
                return self._refuse(sop, f"the film has more than {self._bounds.film_bytes // MEBIBYTE} MiB")
            self._arrivals.take(sop, event.encoded_dataset(), event.dataset)
        except SpoolFullError as error:
            return self._refuse(sop, str(error), str(event.dataset.get("StudyInstanceUID") or ""))
        except (OSError, sqlite3.Error):
            return OUT_OF_RESOURCES  # the sender keeps it and tries again
        return SUCCESS

    def _refuse(self, sop: str, reason: str, study: str = "") -> int:
        """Not for good: with more room, or a higher bound, it is taken when it comes again."""
        if self._arrivals.ledger.refuse(Refusal(sop, study, reason)):
            self._tell(f"a film is refused: {reason}")
        return OUT_OF_RESOURCES

    def _on_rejected(self, _event: Event) -> None:
        self._tell("an association is refused: an AE title that may not send, or too many at the same time")
