"""Errors of a cohort that cannot be used, as a person is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lumbar3d.errors import CtError, InputError


class CohortError(InputError):
    """A mesh, a mask, the landmarks or their number cannot make a shape model; the message names the file."""

    code = "invalid_cohort"


@contextmanager
def told_of_cohort() -> Iterator[None]:
    """A file of a CT that cannot be used, as the error of the cohort that it belongs to."""
    try:
        yield
    except CtError as error:
        raise CohortError(str(error)) from error.__cause__
