"""Book of error codes: whose fault each is, its HTTP status and its words for people.

A code has one status, in the answer to a request and in the record of a failed job alike, so that programs can go by
it: 5xx is our side, and the same request may be answered later; 4xx is the request or its pictures, and the same again
will be answered the same, except where ``retry`` says that time cures it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Side(StrEnum):
    """Whose fault it is, in words for people."""

    CLIENT = "request"
    PICTURES = "pictures"
    OURS = "our side"


@dataclass(frozen=True)
class Code:
    """One row of the book.

    Attributes
    ----------
    code : str
        Stable; a code, once published, never changes its meaning.
    side : Side
    status : int
        HTTP status, wherever the code is told.
    title : str
        What it means, for people; the same in every occurrence (RFC 9457).
    cure : str
        What would help, for people.
    retry : bool
        Whether the same request, unchanged, may be answered later.
    retry_after_s : int or None
        How long to wait then, where it is known.
    """

    code: str
    side: Side
    status: int
    title: str
    cure: str
    retry: bool = False
    retry_after_s: int | None = None


def _client(code: str, status: int, title: str, cure: str, retry_after_s: int | None = None) -> Code:
    return Code(code, Side.CLIENT, status, title, cure, retry_after_s is not None, retry_after_s)


def _pictures(code: str, title: str, cure: str, status: int = 422) -> Code:
    return Code(code, Side.PICTURES, status, title, cure)


def _ours(code: str, title: str, cure: str, status: int = 500, retry_after_s: int | None = None) -> Code:
    return Code(code, Side.OURS, status, title, cure, True, retry_after_s)


_AGAIN = "Send it again. If it fails again, tell those who run the service."
_WAIT = "Wait for as long as Retry-After says, then send it again."
_SERVICE = "Those who run the service must mend it; then send it again."

_REQUEST = (
    _client("unauthorized", 401, "No API key, or an unknown one", "Send a key: Authorization: Bearer <key>."),
    _client("forbidden", 403, "The key's role does not allow this", "Use a key with the role that it takes."),
    _client("cross_site", 403, "The request came from a page of another site", "Send it from the service's own page."),
    _client("not_found", 404, "There is nothing at this address", "Check the address."),
    _client(
        "job_not_found",
        404,
        "There is no such job, or it is another client's",
        "Check the address. Results are erased after their time, and by whoever sent the job.",
    ),
    _client("method_not_allowed", 405, "This address does not take this method", "See the interface's description."),
    _client("upload_timeout", 408, "The body came too slowly", "Send it again over a faster line.", 5),
    _client("result_not_ready", 409, "The job has not ended yet", "Wait until it has.", 2),
    _client("no_result", 409, "The job ended without a result", "The state of the job says why."),
    _client(
        "source_not_dicom",
        409,
        "The films were no DICOM files, or their identifiers were not kept when they were sent",
        "Send both films as DICOM files to a service that keeps identifiers.",
    ),
    _client(
        "revision_in_progress", 409, "A revision of this examination is being computed", "Wait until it has ended."
    ),
    _client("revision_kept", 409, "A revision that has ended is kept", "Erase the examination with all its revisions."),
    _client(
        "not_revisable",
        409,
        "What these edits start from was not kept",
        "Send the images again, as a new job; a pair that was refused takes edits of films and prompts alone.",
    ),
    _client("not_comparable", 409, "The two results have no two neighbouring vertebrae in common", "Compare others."),
    _client(
        "precondition_failed",
        412,
        "The job has changed since it was read",
        "Read it again, look at what has changed, and send the new ETag.",
    ),
    _client(
        "precondition_required",
        428,
        "The request must say which state of the job it means",
        "Send If-Match with the ETag of the job.",
    ),
    _client("job_cancelled", 409, "The job was cancelled", "Send the images again if they are wanted after all."),
    _client(
        "payload_too_large", 413, "The body or one of its parts is too large", "Send two images and a calibration."
    ),
    _client("unsupported_media_type", 415, "The body is not multipart/form-data", "Send a multipart form."),
    _client(
        "unsupported_content_encoding",
        415,
        "The body is compressed in a way that is not read",
        "Send it as it is, or with Content-Encoding: gzip.",
    ),
    _client("client_closed_request", 499, "The client went away before its request was read", "Send it again."),
    _client("invalid_request", 422, "The request has the wrong form", "See the interface's description."),
    _client("invalid_input", 422, "The input cannot be used", "Check the input."),
    _client(
        "invalid_multipart",
        422,
        "The form is damaged, or its parts are not those that are asked for",
        "Send ap, lat and calibration once each, and options at most once.",
    ),
    _client(
        "invalid_calibration",
        422,
        "The calibration cannot be used",
        "Check the calibration file against the two images.",
    ),
    _client("invalid_options", 422, "The options do not follow their contract", "Check names and values."),
    _client(
        "degenerate_geometry",
        422,
        "No reconstruction can follow from this calibration",
        "Check the positions of source and detector in the calibration.",
    ),
    _client(
        "view_angle_out_of_range",
        422,
        "The two views are too close to parallel to see depth",
        "The two views must be roughly at right angles.",
    ),
    _client(
        "invalid_reference",
        422,
        "The reference has the wrong form",
        "Send 1 to 64 printable characters that name no person: an accession number or a pseudonym.",
    ),
    _client("invalid_review", 422, "The sign-off does not follow its contract", "Check names and values."),
    _client("invalid_revision", 422, "The edits do not follow their contract", "Check names, values and pixels."),
    _client(
        "invalid_hips",
        422,
        "The femoral heads cannot be where they are placed",
        "Place the centre of each head on both films again, the patient's left and right on the AP film.",
    ),
    _client("invalid_idempotency_key", 422, "The Idempotency-Key has the wrong form", "Send a UUID."),
    _client(
        "idempotency_key_reused",
        422,
        "The Idempotency-Key was used before with another payload",
        "Send a new key with a new payload.",
    ),
    _client("too_many_jobs", 429, "This client has too many unfinished jobs", _WAIT, 15),
    _client("too_many_requests", 429, "This client takes more than its share at this moment", _WAIT, 1),
    _client("invalid_cohort", 422, "The cohort's files cannot be used", "Check the files that the message names."),
    _client(
        "invalid_ct", 422, "The surfaces or masks of a CT cannot be used", "Check the file that the message names."
    ),
    _client("invalid_training_state", 422, "The training cannot be resumed from this state", "Check the folder."),
)
_PICTURES = (
    _pictures(
        "view_mismatch",
        "The two views do not belong together, or are not the views they were sent as",
        "Check that AP and lateral were not swapped and belong to one acquisition.",
        409,
    ),
    _pictures(
        "image_too_large",
        "An image has more pixels or bytes than are decoded",
        "Send the radiograph as the detector gave it, not enlarged.",
        413,
    ),
    _pictures(
        "unsupported_format",
        "The file format, compression or kind of pixels of an image is not read",
        "Send a single greyscale radiograph as DICOM, PNG, TIFF or JPEG.",
        415,
    ),
    _pictures(
        "invalid_radiograph",
        "An image file cannot be read as a radiograph",
        "Export the radiograph again; the file is damaged or holds something else.",
    ),
    _pictures("empty_image", "An image is the same everywhere", "Export the radiograph again."),
    _pictures(
        "view_not_recognised",
        "A film is turned, mirrored, inverted, of the other view or exchanged with it, or shows no lumbar spine",
        "Check orientation, order and greyscale of the two images against the calibration.",
    ),
    _pictures(
        "spine_truncated",
        "A film ends before the first or the last lumbar vertebra",
        "Both images must reach from above L1 to below L5.",
    ),
    _pictures(
        "levels_not_found",
        "Some of L1 to L5 were found and others were not, for no reason that the film shows",
        "Both images must show L1 to L5 completely, upright.",
    ),
    _pictures(
        "level_names_doubtful",
        "The vertebrae were found, but not which of the spine's they are: L1 may be L2 or T12",
        "Which vertebra is which must be clear: both images should show the last ribs and the sacrum.",
    ),
    _pictures(
        "views_contradict",
        "The films and the calibration do not agree on where the vertebrae are, or the films on which is which",
        "Check that both images and the calibration belong to one acquisition.",
    ),
    _pictures(
        "unlike_training_films",
        "A film is so unlike all films of training that the networks' word counts for nothing",
        "There is no trustworthy answer for this film; check that it is a plain radiograph of a lumbar spine.",
    ),
    _pictures(
        "rejected",
        "The fitted vertebrae do not match the images",
        "The images were read, but no trustworthy reconstruction can be made from them under this calibration.",
    ),
)
_OUR_SIDE = (
    Code(
        "result_lost",
        Side.OURS,
        410,  # asking again finds nothing: only a new job makes a new result
        "A file of the result is missing in the store, or is not what was written there",
        "Send the images again, as a new job.",
    ),
    _ours("internal_error", "Something unexpected failed", _AGAIN),
    _ours("engine_failed", "The reconstruction failed on our side", _AGAIN),
    _ours("registration_failed", "The fit did not produce a usable answer", _AGAIN),
    _ours("device_failed", "The accelerator failed", _AGAIN),
    _ours("corrupt_asset", "A shape model or a network is missing or damaged", _SERVICE),
    _ours("worker_lost", "The workers that had the job were lost", _AGAIN),
    _ours("lease_lost", "Another worker has the job", _AGAIN),
    _ours("training_diverged", "The training diverged", "Resume from an earlier state with a smaller learning rate."),
    _ours("identity_unavailable", "The service cannot open the films' identifiers", _SERVICE, 501),
    _ours("queue_full", "The queue is full", _WAIT, 503, 30),
    _ours("overloaded", "Too many uploads or event streams run at this moment", _WAIT, 503, 5),
    _ours("database_unavailable", "The job table does not answer", _WAIT, 503, 5),
    _ours("store_unavailable", "The artifact store does not answer", _WAIT, 503, 5),
    _ours("issuer_unavailable", "The keys of the token's issuer cannot be fetched", _WAIT, 503, 10),
    _ours("schema_version", "The job table is of another version than the program", _SERVICE),
    _ours("not_ready", "A part that jobs need does not work; `checks` names it", _SERVICE, 503, 5),
    _ours("storage_full", "No room is left for uploads, results or the job table", _WAIT, 507, 60),
)
BOOK: Mapping[str, Code] = MappingProxyType({row.code: row for row in (*_REQUEST, *_PICTURES, *_OUR_SIDE)})


def entry(code: str) -> Code:
    """Row of a code; of one that is not in the book (a plug-in's), that of an unexpected fault of our side."""
    return BOOK.get(code, BOOK["internal_error"])
