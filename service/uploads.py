"""Upload receiver of ``POST /reconstruct``: the multipart body goes to disk as it comes, hashed and counted."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from lumbar3d.contracts import VIEWS
from lumbar3d.jobs.bundles import full_disk_is_typed
from lumbar3d.service.errors import MediaTypeError, MultipartError, PayloadTooLargeError

DOCUMENTS = ("calibration", "options", "reference")
MAX_DOCUMENT_BYTES = 64 * 1024
MAX_PREAMBLE_BYTES = 64 * 1024
BUFFER_BYTES = 1 << 20


class FormReceiver:
    """Parses one body: images into files of a folder, JSON parts into memory. File names are never looked at.

    Parameters
    ----------
    folder : Path
        Staging directory; ``folder/ap`` and ``folder/lat`` are written.
    content_type : str
        Header of the request.
    max_bytes : int
        Limit of the whole body.
    """

    def __init__(self, folder: Path, content_type: str, max_bytes: int) -> None:
        kind, parameters = parse_options_header(content_type)
        self._delimiter = b"--" + parameters.get(b"boundary", b"")
        self._preamble: bytes | None = b""
        if kind != b"multipart/form-data" or not parameters.get(b"boundary"):
            raise MediaTypeError("send multipart/form-data with a boundary")
        self.documents: dict[str, bytearray] = {}
        self.sha256: dict[str, str] = {}
        self._folder = folder
        self._max_bytes = self._left_bytes = max_bytes
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._part: str | None = None
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self._is_complete = False
        callbacks = {name: getattr(self, f"_{name}") for name in CALLBACKS}
        try:
            self._parser = MultipartParser(parameters[b"boundary"], callbacks)  # type: ignore[arg-type]
        except FormParserError:
            raise MediaTypeError("the boundary is not usable") from None

    async def receive(self, stream: AsyncIterator[bytes]) -> None:
        """Read the body to its end.

        Raises
        ------
        PayloadTooLargeError
            More bytes than allowed, whatever Content-Length said.
        MultipartError
            Damaged, or parts missing, repeated or unknown.
        StorageFullError
            No room on the disk.
        """
        buffer = bytearray()
        try:
            async for chunk in stream:
                self._left_bytes -= len(chunk)
                if self._left_bytes < 0:
                    raise PayloadTooLargeError(f"the body has more than {self._max_bytes} bytes")
                buffer += chunk
                if len(buffer) >= BUFFER_BYTES:
                    await run_in_threadpool(self._parse, bytes(buffer))
                    buffer.clear()
            await run_in_threadpool(self._parse, bytes(buffer))
        finally:
            self._close_file()
        if not self._is_complete:
            raise MultipartError("the body is incomplete: it ends before its closing boundary")
        self.require(*VIEWS)

    def require(self, *names: str) -> None:
        """Refuse a body without one of these parts.

        Raises
        ------
        MultipartError
            Names those that are missing.
        """
        missing = [name for name in names if name not in self.sha256 and name not in self.documents]
        if missing:
            raise MultipartError(f"missing in the body: {', '.join(missing)}")

    def _without_preamble(self, data: bytes) -> bytes:
        """What comes from the first boundary on; before it anything may stand (RFC 2046 5.1.1)."""
        if self._preamble is None:
            return data
        self._preamble += data
        starts = self._preamble.startswith(self._delimiter)
        at = 0 if starts else self._preamble.find(b"\n" + self._delimiter) + 1
        is_found = starts or at > 0
        if (at if is_found else len(self._preamble)) > MAX_PREAMBLE_BYTES:
            raise MultipartError(f"no boundary in the first {MAX_PREAMBLE_BYTES} bytes of the body")
        if not is_found:
            return b""
        data, self._preamble = self._preamble[at:], None
        return data

    def _parse(self, data: bytes) -> None:
        data = self._without_preamble(data)
        try:
            with full_disk_is_typed():
                self._parser.write(data)
        except FormParserError:
            raise MultipartError("the multipart body is damaged") from None

    def _on_part_begin(self) -> None:
        self._disposition = b""
        self._part = None

    def _on_header_begin(self) -> None:
        self._header = (bytearray(), bytearray())

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])

    def _on_headers_finished(self) -> None:
        _, parameters = parse_options_header(self._disposition)
        name = parameters.get(b"name", b"").decode("ascii", "replace")
        if name not in VIEWS + DOCUMENTS:
            raise MultipartError("unknown part: only ap, lat, calibration, options and reference are accepted")
        if name in self.sha256 or name in self.documents:
            raise MultipartError(f"the part {name} is sent twice")
        self._part = name
        if name in VIEWS:
            self._file = (self._folder / name).open("wb")
            self._hash = hashlib.sha256()
        else:
            self.documents[name] = bytearray()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._hash.update(data[start:end])
            self._file.write(data[start:end])
            return
        assert self._part is not None
        document = self.documents[self._part]
        document += data[start:end]
        if len(document) > MAX_DOCUMENT_BYTES:
            raise PayloadTooLargeError(f"the part {self._part} has more than {MAX_DOCUMENT_BYTES} bytes")

    def _on_part_end(self) -> None:
        if self._file is not None and self._part is not None:
            self._close_file()
            self.sha256[self._part] = self._hash.hexdigest()

    def _on_end(self) -> None:
        self._is_complete = True

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


CALLBACKS = (
    "on_part_begin",
    "on_header_begin",
    "on_header_field",
    "on_header_value",
    "on_header_end",
    "on_headers_finished",
    "on_part_data",
    "on_part_end",
    "on_end",
)
