"""C-STORE service class user, which stores results in the archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE

from lumbar3d.cli.bridge.destination import Destination, Store
from lumbar3d.cli.errors import CliError, Exit

TIMEOUT_S = 30.0
FIRST_WARNING, LAST_WARNING = 0xB000, 0xBFFF
NOT_SUPPORTED = 0x0122
"""SOP class not supported (PS3.7 C.5.6)."""


class Sender(Destination):
    """One archive, by its address.

    Parameters
    ----------
    host, port : str, int
    ae_title : str
        The archive's.
    own_ae_title : str
    """

    def __init__(self, host: str, port: int, ae_title: str, own_ae_title: str) -> None:
        self._address, self._ae_title = (host, port), ae_title
        self._entity = AE(ae_title=own_ae_title)
        self._entity.acse_timeout = self._entity.dimse_timeout = self._entity.network_timeout = TIMEOUT_S
        self._entity.connection_timeout = TIMEOUT_S

    @contextmanager
    def _connected(self, objects: Sequence[Dataset]) -> Iterator[Store]:
        kinds = {UID(str(each.SOPClassUID)) for each in objects}
        syntaxes = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
        for kind in kinds - {context.abstract_syntax for context in self._entity.requested_contexts}:
            self._entity.add_requested_context(kind, syntaxes)
        association = self._entity.associate(*self._address, ae_title=self._ae_title)
        if not association.is_established:
            raise CliError("the archive does not accept an association", Exit.UNREACHABLE)
        taken = {context.abstract_syntax for context in association.accepted_contexts}

        def store(instance: Dataset) -> str | None:
            if instance.SOPClassUID not in taken:
                return f"the archive does not take {UID(instance.SOPClassUID).name}"
            return refusal(association.send_c_store(instance).get("Status"))

        try:
            yield store
        finally:
            association.release()


def refusal(status: int | None) -> str | None:
    """None where an object is stored, or why it never will be.

    Raises
    ------
    CliError
        Later it may be.
    """
    if status == 0 or (status is not None and FIRST_WARNING <= status <= LAST_WARNING):
        return None
    if status is None:
        raise CliError("the archive broke off", Exit.UNREACHABLE)
    if status == NOT_SUPPORTED or status >> 8 == 0xA9 or status >> 12 == 0xC:
        return f"the archive refuses the object (status {status:04X})"
    raise CliError(f"the archive cannot store at this moment (status {status:04X})")
