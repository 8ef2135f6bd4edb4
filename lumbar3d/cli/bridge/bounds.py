"""Bounds of what a sender may take of the bridge: connections, associations, memory, disk.

pynetdicom collects a data set in memory, however long it is, before anybody is asked about it. Here a data set is
dropped while it comes as soon as it is too long; its sender hears a status and not a broken line.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import ThreadedAssociationServer

from lumbar3d.imaging.header import LIMITS

MEBIBYTE = 2**20
MOST_PDU_BYTES = MEBIBYTE
"""A PDU is held in memory whole; the bridge asks for 16 KiB (PS3.8, D.1), and what goes far beyond is no sender."""
MOST_MESSAGES = 4
"""That wait in one association; a sender waits for each answer (no asynchronous window is agreed)."""
INVALID_PDU = "Evt19"
"""Of the state machine of PS3.8, 9.2: the provider aborts."""


@dataclass(frozen=True)
class Bounds:
    """What films may take.

    Attributes
    ----------
    film_bytes : int
        Of one data set. No service takes a longer file.
    spool_bytes : int
        Of all films that wait or are being answered.
    associations : int
        At the same time; one more is rejected, and connections beyond twice as many are closed.
    """

    film_bytes: int = LIMITS.file_bytes
    spool_bytes: int = 4096 * MEBIBYTE
    associations: int = 10


class Dropped(BytesIO):
    """A data set that is too long: what still comes of it is read and forgotten."""

    def write(self, data: object, /) -> int:
        """Keep nothing."""
        return len(data) if isinstance(data, bytes | bytearray | memoryview) else 0


class BoundedServer(ThreadedAssociationServer):
    """Has so many connections at the most, whether or not they ever ask for an association."""

    def verify_request(self, *_: object) -> bool:
        """Whether a new connection is taken; those just beyond the associations are, to hear why they are rejected."""
        return len(self.active_associations) < 2 * self.ae.maximum_associations


def bound(event: Event, bounds: Bounds) -> None:
    """Bound what one connection makes us hold; handler of ``EVT_CONN_OPEN``, before anything of it is read."""
    association = event.assoc
    connection, service = association.dul.socket, association.dimse
    assert connection is not None, "its server has just given it one"
    receive_bytes, receive = connection.recv, service.receive_primitive

    def receive_bounded_bytes(nr_bytes: int) -> bytearray:
        if nr_bytes > MOST_PDU_BYTES:
            raise OSError("a PDU is too long")  # which ends the connection
        return receive_bytes(nr_bytes)

    def receive_bounded(primitive: P_DATA) -> None:
        if _is_flooded(association):
            association.dul.event_queue.put(INVALID_PDU)
            return
        receive(primitive)
        message = service.message
        if message is not None and message.data_set and message.data_set.tell() > bounds.film_bytes:
            message.data_set = Dropped()

    connection.recv = receive_bounded_bytes  # type: ignore[method-assign]
    service.receive_primitive = receive_bounded  # type: ignore[method-assign]


def is_too_long(event: Event, bounds: Bounds) -> bool:
    """Whether the data set of a C-STORE is longer than a film may be, as it came or unfolded."""
    assert isinstance(event.request, C_STORE)
    held = event.request.DataSet
    if held is None or isinstance(held, Dropped):
        return held is not None
    if event.context.transfer_syntax != DeflatedExplicitVRLittleEndian:
        return False
    try:
        unfolded = zlib.decompressobj(-zlib.MAX_WBITS).decompress(held.getvalue(), bounds.film_bytes + 1)
    except zlib.error:
        return False  # damaged: whoever reads it says so
    return len(unfolded) > bounds.film_bytes


def _is_flooded(association: Association) -> bool:
    message = association.dimse.message
    command_bytes = 0 if message is None else message.encoded_command_set.tell()
    return association.dimse.msg_queue.qsize() >= MOST_MESSAGES or command_bytes > MOST_PDU_BYTES
