"""Errors that the library raises on purpose, each with a stable code; ``codes`` has the words and the statuses.

::

    Lumbar3dError
    ├── InputError                 the caller can mend it
    │   ├── CalibrationError       invalid_calibration
    │   │   ├── DegenerateGeometryError   degenerate_geometry
    │   │   └── ViewAngleError            view_angle_out_of_range
    │   ├── RadiographError        invalid_radiograph
    │   │   ├── UnsupportedFormatError    unsupported_format
    │   │   ├── ImageTooLargeError        image_too_large
    │   │   ├── EmptyImageError           empty_image
    │   │   └── ViewMismatchError         view_mismatch
    │   ├── OptionsError           invalid_options
    │   ├── JobReferenceError      invalid_reference
    │   ├── ReviewError            invalid_review
    │   ├── RevisionError          invalid_revision
    │   │   └── HipsError                 invalid_hips
    │   └── CtError                invalid_ct
    ├── RejectedError              the image cannot be answered honestly (job state ``rejected``)
    │   ├── LevelsNotFoundError        levels_not_found
    │   ├── LevelNamesError            level_names_doubtful
    │   ├── SpineTruncatedError        spine_truncated
    │   ├── ViewNotRecognisedError     view_not_recognised
    │   ├── ViewsContradictError       views_contradict
    │   └── UnlikeTrainingFilmsError   unlike_training_films
    └── EngineError                our side failed
        ├── AssetError             corrupt_asset
        ├── DeviceError            device_failed
        └── RegistrationError      registration_failed

A code, once published, never changes its meaning. Messages never quote the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar


class Lumbar3dError(Exception):
    """Base of all deliberate errors; ``code`` is stable, ``str(error)`` is safe to show."""

    code: ClassVar[str] = "internal_error"


class InputError(Lumbar3dError):
    """The caller sent something that cannot be used.

    Attributes
    ----------
    faults : tuple of dict
        Of a document that does not follow its contract: ``pointer`` (JSON pointer to the field, names of the contract
        only) and ``code``; never the value.
    """

    code = "invalid_input"

    def __init__(self, message: str = "", faults: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


@contextmanager
def about(what: str) -> Iterator[None]:
    """Prefix an input error's message with the image or view that it is about."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{what}: {error}", error.faults) from error.__cause__


class CalibrationError(InputError):
    """The calibration is malformed."""

    code = "invalid_calibration"


class DegenerateGeometryError(CalibrationError):
    """The calibration is well formed but no reconstruction can follow from it."""

    code = "degenerate_geometry"


class ViewAngleError(CalibrationError):
    """The two views are too close to parallel to see depth."""

    code = "view_angle_out_of_range"


class RadiographError(InputError):
    """The image file cannot be read as a radiograph."""

    code = "invalid_radiograph"


class UnsupportedFormatError(RadiographError):
    """The file format, compression or pixel type is not accepted."""

    code = "unsupported_format"


class ImageTooLargeError(RadiographError):
    """The image has more pixels or bytes than the service decodes."""

    code = "image_too_large"


class EmptyImageError(RadiographError):
    """The image is constant."""

    code = "empty_image"


class ViewMismatchError(RadiographError):
    """The two views do not belong together, or not to the view they were sent as."""

    code = "view_mismatch"


class OptionsError(InputError):
    """An option is unknown or out of range."""

    code = "invalid_options"


class JobReferenceError(InputError):
    """A reference is empty, too long or not printable."""

    code = "invalid_reference"


class ReviewError(InputError):
    """A sign-off does not follow its contract."""

    code = "invalid_review"


class RevisionError(InputError):
    """Edits do not follow their contract, or do not fit what they change."""

    code = "invalid_revision"


class HipsError(RevisionError):
    """Femoral heads cannot be where they are placed: the rays of both films miss each other, or the sides are wrong."""

    code = "invalid_hips"


class CtError(InputError):
    """A mesh or mask of a person's own vertebrae cannot be used; the message names the file."""

    code = "invalid_ct"


class RejectedError(Lumbar3dError):
    """The images were read but cannot be answered honestly; plain where the fit does not match them.

    Attributes
    ----------
    recognised : object or None
        What was recognised before (``detection.recognised``), for whoever shows the films.
    """

    code = "rejected"
    recognised: object = None


class LevelsNotFoundError(RejectedError):
    """Some of L1 to L5 were found in an image and others were not, for no reason that it shows."""

    code = "levels_not_found"


class LevelNamesError(RejectedError):
    """The vertebrae were found, but not which of the spine's they are."""

    code = "level_names_doubtful"


class SpineTruncatedError(RejectedError):
    """An image ends before the first or the last lumbar vertebra."""

    code = "spine_truncated"


class ViewNotRecognisedError(RejectedError):
    """An image is turned, mirrored, inverted, the other view, or shows no lumbar spine."""

    code = "view_not_recognised"


class ViewsContradictError(RejectedError):
    """Under this calibration the two images do not show the same vertebrae in the same places."""

    code = "views_contradict"


class UnlikeTrainingFilmsError(RejectedError):
    """An image is so unlike the films on which the networks learned that their word counts for nothing."""

    code = "unlike_training_films"


class EngineError(Lumbar3dError):
    """Our side failed."""

    code = "engine_failed"


class AssetError(EngineError):
    """A shape model or network file is missing or does not match its checksum."""

    code = "corrupt_asset"


class DeviceError(EngineError):
    """The accelerator failed; the worker must be replaced before it takes another job."""

    code = "device_failed"


class RegistrationError(EngineError):
    """The fit did not produce a usable answer."""

    code = "registration_failed"
