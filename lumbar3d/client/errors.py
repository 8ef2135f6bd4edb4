"""Errors of the client: no server, no answer, a refusal with its problem document."""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from lumbar3d.contracts import Problem


class ClientError(Exception):
    """What kept a service from doing what it was asked; ``str(error)`` is one line for people."""


class AddressError(ClientError):
    """What was given is not the address of a server."""


class NoAnswerError(ClientError):
    """The server cannot be reached, or what answers is not this version of lumbar3d."""


class RefusedError(ClientError):
    """The service answered with a problem document.

    Attributes
    ----------
    problem : Problem
        ``problem.code`` is stable (``docs/errors.md``).
    """

    def __init__(self, message: str, problem: Problem) -> None:
        super().__init__(message)
        self.problem = problem


def refusal(answer: httpx.Response) -> ClientError:
    """A problem document as one line; another body means that something else answered."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return NoAnswerError(f"the server answered {answer.status_code}")
    faults = (problem.model_extra or {}).get("faults", [])
    places = ", ".join(f"{fault['pointer'] or '/'} {fault['message']}" for fault in faults)
    text = (problem.detail or problem.title) + (f": {places}" if places else "")
    return RefusedError(f"{text} ({problem.code}, HTTP {problem.status})", problem)
