"""What the HTTP side refuses, each with a stable code; ``problems.py`` gives them their status.

::

    Lumbar3dError
    └── RequestError
        ├── UnauthorizedError          unauthorized                    (HTTP 401)
        ├── ForbiddenError             forbidden                       (403)
        ├── CrossSiteError             cross_site                      (403)
        ├── NotFoundError              not_found                       (404)
        ├── UploadTimeoutError         upload_timeout                  (408)
        ├── ResultNotReadyError        result_not_ready                (409)
        ├── NoResultError              no_result                       (409)
        ├── PayloadTooLargeError       payload_too_large               (413)
        ├── MediaTypeError             unsupported_media_type          (415)
        ├── MultipartError             invalid_multipart               (422)
        ├── IdempotencyKeyError        invalid_idempotency_key         (422)
        ├── InvalidJsonError           invalid_calibration / _options  (422)
        ├── TooManyRequestsError       too_many_requests               (429)
        ├── OverloadedError            overloaded                      (503)
        └── IssuerUnavailableError     issuer_unavailable              (503)
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


class ForbiddenError(RequestError):
    """The key or token is known and lacks the role for this."""

    code = "forbidden"


class CrossSiteError(RequestError):
    """A page of another site made the browser send this."""

    code = "cross_site"


class IssuerUnavailableError(RequestError):
    """The keys of the access token's issuer cannot be had."""

    code = "issuer_unavailable"


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
        ``pointer`` (JSON pointer to the field, names of the contract only) and ``code``; never the value.
    """

    code = "invalid_json"

    def __init__(self, code: str, faults: list[dict[str, str]]) -> None:
        super().__init__("the JSON part does not follow its contract")
        self.code = code  # type: ignore[misc]
        self.faults = faults
