"""Error messages and exit statuses of the command line: one line for a person, one status for a script.

======  ==================================================================
status  meaning
======  ==================================================================
0       done
1       something on this machine failed (port taken, folder not writable)
2       the command was used wrongly
3       the job ended without a result: rejected, failed or cancelled
4       the server cannot be reached, or what answers is not lumbar3d
5       the input or the request was refused
======  ==================================================================
"""

from __future__ import annotations

import traceback
from enum import IntEnum

from lumbar3d.errors import InputError, Lumbar3dError, RejectedError


class Exit(IntEnum):
    """Exit statuses of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_RESULT = 3
    UNREACHABLE = 4
    REFUSED = 5


class CliError(Exception):
    """A deliberate end: ``str(error)`` is the line that is shown.

    Parameters
    ----------
    message : str
        One line.
    exit_status : Exit
    """

    def __init__(self, message: str, exit_status: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class RefusedError(CliError):
    """The service understood and refused; ``code`` is in the book of codes.

    Parameters
    ----------
    message : str
    code : str
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, Exit.REFUSED)
        self.code = code


def explain(error: Exception) -> tuple[str, Exit]:
    """One line and the exit status for whatever a command raised."""
    if isinstance(error, CliError):
        return str(error), error.exit_status
    if isinstance(error, Lumbar3dError):
        return f"{error} ({error.code})", _status_of(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or type(error).__name__}", Exit.FAILED
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"internal error: {type(error).__name__} in {at.name}:{at.lineno}", Exit.FAILED


def _status_of(error: Lumbar3dError) -> Exit:
    if isinstance(error, RejectedError):
        return Exit.NO_RESULT
    return Exit.REFUSED if isinstance(error, InputError) else Exit.FAILED
