"""What the HTTP side refuses, each with a stable code; ``problems.py`` gives them their status.

::

    Lumbar3dError
    └── RequestError
        ├── UnauthorizedError          unauthorized                    (HTTP 401)
        ├── NotFoundError              not_found                       (404)
        ├── UploadTimeoutError         upload_timeout                  (408)
        ├── ResultNotReadyError        result_not_ready                (409)
        ├── NoResultError              no_result                       (409)
        ├── PayloadTooLargeError       payload_too_large               (413)
        ├── MediaTypeError             unsupported_media_type          (415)
        ├── ContentEncodingError       unsupported_content_encoding    (415)
        ├── MultipartError             invalid_multipart               (422)
        ├── IdempotencyKeyError        invalid_idempotency_key         (422)
        ├── InvalidJsonError           invalid_calibration / _options  (422)
        ├── TooManyRequestsError       too_many_requests               (429)
        ├── ClientGoneError            client_closed_request           (499; nobody reads it)
        └── OverloadedError            overloaded                      (503)
"""

from __future__ import annotations

from typing import ClassVar

from lumbar3d.errors import Lumbar3dError


class RequestError(Lumbar3dError):
    """Base of the service's own errors."""

    code: ClassVar[str] = "invalid_request"


class UnauthorizedError(RequestError):
    """No API key, or one that is not known."""

    code = "unauthorized"


class NotFoundError(RequestError):
    """There is nothing at this address."""

    code = "not_found"


class UploadTimeoutError(RequestError):
    """The body came too slowly."""

    code = "upload_timeout"


class ResultNotReadyError(RequestError):
    """The job is queued or running."""

    code = "result_not_ready"


class NoResultError(RequestError):
    """The job ended without a result."""

    code = "no_result"


class PayloadTooLargeError(RequestError):
    """The body or one of its parts is larger than accepted."""

    code = "payload_too_large"


class MediaTypeError(RequestError):
    """Not multipart/form-data."""

    code = "unsupported_media_type"


class ContentEncodingError(RequestError):
    """The body is compressed as a whole."""

    code = "unsupported_content_encoding"


class ClientGoneError(RequestError):
    """The client closed the connection before the end of the body."""

    code = "client_closed_request"


class MultipartError(RequestError):
    """The multipart body is damaged, or has missing, repeated or unknown parts."""

    code = "invalid_multipart"


class IdempotencyKeyError(RequestError):
    """The Idempotency-Key header is empty, too long, or not printable ASCII."""

    code = "invalid_idempotency_key"


class TooManyRequestsError(RequestError):
    """The client takes more than its share at this moment."""

    code = "too_many_requests"


class OverloadedError(RequestError):
    """Too many uploads or event streams at this moment."""

    code = "overloaded"


class InvalidJsonError(RequestError):
    """A JSON part does not follow its contract.

    Attributes
    ----------
    faults : list of dict
        ``pointer`` (JSON pointer to the field, names of the contract only), ``code`` and ``message``: what is expected
        and what was found, numbers but never text.
    """

    code = "invalid_json"

    def __init__(self, code: str, faults: list[dict[str, str]]) -> None:
        part, first = code.removeprefix("invalid_"), faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        at = f" at {first['pointer']}" if first["pointer"] else ""
        super().__init__(f"the JSON part {part} does not follow its contract{at}: {first['message']}{more}")
        self.code = code  # type: ignore[misc]
        self.faults = faults
