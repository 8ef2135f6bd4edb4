"""Steps of the client: what both kinds of connection can do, and what an answer is worth."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, Protocol, TypeAlias, TypeVar

import httpx

from lumbar3d.client.errors import AddressError, refusal

Parts = dict[str, tuple[str, bytes, str]]
ResultT = TypeVar("ResultT")
Given = ParamSpec("Given")
ReturnedT = TypeVar("ReturnedT", covariant=True)
TIMEOUT = httpx.Timeout(30.0, write=300.0)
LOST = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
ASK_AGAIN = 60
LONGEST_PAUSE_S = 10
_DATA = "data:"


@dataclass(frozen=True)
class Ask:
    """Step: one request; its answer has been read."""

    method: str
    address: str
    parts: Parts | None = None
    headers: dict[str, str] = field(default_factory=dict)
    timeout_s: float | None = None


@dataclass(frozen=True)
class Save:
    """Step: the answer to a GET as a file, whole or not at all; an error's body has been read instead."""

    address: str
    target: Path

    @property
    def partial(self) -> Path:
        """Where it lies until it is whole."""
        return self.target.with_name(f".{self.target.name}.part")


@dataclass(frozen=True)
class Listen:
    """Step: server-sent events until the service ends them; the data of each go to ``take``."""

    address: str
    take: Callable[[str], None]

    def take_line(self, line: str) -> None:
        """Of a stream whose events have one line of data each, as those of the service do."""
        if line.startswith(_DATA):
            self.take(line.removeprefix(_DATA))


@dataclass(frozen=True)
class Pause:
    """Step: wait."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Step: reading files; a client for ``asyncio`` does it in a thread."""

    run: Callable[[], None]


Step: TypeAlias = Ask | Save | Listen | Pause | Work
Answer: TypeAlias = httpx.Response | None
Steps: TypeAlias = Generator[Step, Answer, ResultT]


class Method(Protocol[Given, ReturnedT]):
    """What a function is in the body of a class, for type checkers."""

    def __get__(self, client: object, kind: type) -> Callable[Given, ReturnedT]:
        """Bound to a client."""
        ...


def settings_of(server: str, api_key: str | None) -> dict[str, object]:
    """What both kinds of ``httpx`` clients are made with.

    Raises
    ------
    AddressError
        Not the address of a server.
    """
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        return {"base_url": httpx.URL(server), "headers": headers, "timeout": TIMEOUT}
    except (httpx.InvalidURL, ValueError):
        raise AddressError(f"not the address of a server: {server}") from None


def arguments_of(ask: Ask) -> dict[str, object]:
    """What ``httpx`` is asked with."""
    timeout = {} if ask.timeout_s is None else {"timeout": ask.timeout_s}
    return {"method": ask.method, "url": ask.address, "files": ask.parts, "headers": ask.headers, **timeout}


def patient(ask: Ask) -> Steps[httpx.Response]:
    """The answer, asked for again as long as a busy service says when to come back."""
    for _ in range(ASK_AGAIN):
        answer = yield from _answered(ask)
        pause_s = answer.headers.get("Retry-After", "")
        if answer.status_code not in BUSY or not pause_s.isdecimal():
            return answer
        yield Pause(min(int(pause_s), LONGEST_PAUSE_S))
    return (yield from _answered(ask))


def _answered(ask: Ask) -> Steps[httpx.Response]:
    """The answer; a GET whose connection died is sent once more.

    A connection that is kept alive dies so where the server closes it while the next request is on its way.
    """
    try:
        return given((yield ask))
    except LOST:
        if ask.method != "GET":
            raise
        return given((yield ask))


def given(answer: Answer) -> httpx.Response:
    """The answer to an ``Ask``, a ``Save`` or a ``Listen``."""
    assert answer is not None, "an Ask, a Save or a Listen has an answer"
    return answer


def good(answer: Answer) -> httpx.Response:
    """The same; raises what the service refused with."""
    response = given(answer)
    if response.is_error:
        raise refusal(response)
    return response
