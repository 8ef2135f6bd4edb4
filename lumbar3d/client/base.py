"""Base of both clients: one server, one key, and methods made of the steps of ``Protocol``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

import httpx

from lumbar3d.client.protocol import Protocol
from lumbar3d.client.steps import settings_of

ConnectionT = TypeVar("ConnectionT", httpx.Client, httpx.AsyncClient)


class BaseClient(Generic[ConnectionT]):
    """One server, one key.

    Parameters
    ----------
    server : str
        Base address, ``http://host:port``.
    api_key : str or None
        Sent as a bearer token.

    Raises
    ------
    AddressError
        Not the address of a server.
    """

    _connects: ClassVar[Callable[..., Any]]

    def __init__(self, server: str, api_key: str | None = None) -> None:
        self._http: ConnectionT = self._connects(**settings_of(server, api_key))
        self._protocol = Protocol(server)
        self.server = self._protocol.server

    def page(self, job_id: str) -> str:
        """Address of the result page of a job."""
        return self._protocol.page(job_id)


def described(steps: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Give a client's method the name, the words and the parameters of its steps, and what these end with."""
    signature = inspect.signature(steps)
    returned = str(signature.return_annotation).removeprefix("Steps[").removesuffix("]")

    def describe(method: Callable[..., Any]) -> Any:
        named: Any = functools.update_wrapper(method, steps)
        named.__signature__ = signature.replace(return_annotation=returned)
        return named

    return describe
