"""Errors of a cohort that cannot be used, as a person is told."""

from __future__ import annotations

from lumbar3d.errors import InputError


class CohortError(InputError):
    """A mesh, a mask, the landmarks or their number cannot make a shape model; the message names the file."""

    code = "invalid_cohort"
