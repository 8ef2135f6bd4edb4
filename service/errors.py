"""Errors of the HTTP side, each with a stable code; ``lumbar3d.codes`` has the statuses and the words.

::

    Lumbar3dError
    └── RequestError
        ├── UnauthorizedError          unauthorized
        ├── ForbiddenError             forbidden
        ├── CrossSiteError             cross_site
        ├── NotFoundError              not_found
        ├── UploadTimeoutError         upload_timeout
        ├── ResultNotReadyError        result_not_ready
        ├── NoResultError              no_result
        ├── SourceNotDicomError        source_not_dicom
        ├── IdentityUnavailableError   identity_unavailable
        ├── PayloadTooLargeError       payload_too_large
        ├── MediaTypeError             unsupported_media_type
        ├── ContentEncodingError       unsupported_content_encoding
        ├── MultipartError             invalid_multipart
        ├── IdempotencyKeyError        invalid_idempotency_key
        ├── PreconditionRequiredError  precondition_required
        ├── NotComparableError         not_comparable
        ├── TooManyRequestsError       too_many_requests
        ├── ClientGoneError            client_closed_request
        ├── OverloadedError            overloaded
        └── IssuerUnavailableError     issuer_unavailable
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


class SourceNotDicomError(RequestError):
    """There are no identifiers of two DICOM films, so nothing can refer to them."""

    code = "source_not_dicom"


class IdentityUnavailableError(RequestError):
    """No identity key is configured, or not the one that sealed this job's identifiers."""

    code = "identity_unavailable"


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


class PreconditionRequiredError(RequestError):
    """A change that may overtake another's comes without If-Match."""

    code = "precondition_required"


class NotComparableError(RequestError):
    """Two results without two neighbouring vertebrae in common."""

    code = "not_comparable"


class TooManyRequestsError(RequestError):
    """The client takes more than its share at this moment."""

    code = "too_many_requests"


class OverloadedError(RequestError):
    """Too many uploads or event streams at this moment."""

    code = "overloaded"
