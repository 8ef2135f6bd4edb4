"""Steps of the client: what to ask in which order and what to make of the answers, without a connection.

Each method is a generator of steps that a blocking or a nonblocking client takes; it is given the answers, or the
``httpx.HTTPError`` that came in their place, and returns what its caller wanted.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, ValidationError

from lumbar3d.artifacts import FORMATS, RESULT, USUAL, Artifact
from lumbar3d.client.errors import AddressError, NoAnswerError, refusal
from lumbar3d.contracts import (
    FRAMES,
    VIEWS,
    Calibration,
    FrameName,
    JobStatus,
    ReconstructionResult,
    ReconstructOptions,
)

Parts = dict[str, tuple[str, bytes, str]]
ModelT = TypeVar("ModelT", bound=BaseModel)
ResultT = TypeVar("ResultT")
TIMEOUT = httpx.Timeout(30.0, write=300.0)
ALIVE_TIMEOUT_S = 2.0
SUBMIT_TRIES = 3
POLL_S = (0.3, 2.0)
"""First and largest pause between two questions about a job."""
POLL_GROWTH = 1.2
MADE_TIMEOUT_S = 120.0
"""For a file that is made when it is asked for."""
BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
ASK_AGAIN = 60
LONGEST_PAUSE_S = 10
SAVED = tuple(artifact for artifact in USUAL if not artifact.repeats)
"""What a download without choice holds."""
ERASED = "Lumbar3d-Erased"
PAGE = 200
"""Jobs that a service lists at once."""


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
class Pause:
    """Step: wait."""

    seconds: float


class JobPage(BaseModel):
    """One page of a list of jobs; ``next`` leads to the one behind it."""

    jobs: tuple[JobStatus, ...]
    next: str | None = None


Step: TypeAlias = Ask | Save | Pause
Answer: TypeAlias = httpx.Response | None
Steps: TypeAlias = Generator[Step, Answer, ResultT]


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


def form(
    images: tuple[str | Path, str | Path], calibration: str | Path | Calibration | None, options: ReconstructOptions
) -> Parts:
    """Parts of a submission; ``OSError`` where a file cannot be read."""
    parts: Parts = {
        view: (view, Path(path).read_bytes(), "application/octet-stream")
        for view, path in zip(VIEWS, images, strict=True)
    }
    if calibration is not None:
        if isinstance(calibration, Calibration):
            room = calibration.model_dump_json().encode()
        else:
            room = Path(calibration).read_bytes()
        parts["calibration"] = ("calibration.json", room, "application/json")
    parts["options"] = ("options.json", options.model_dump_json().encode(), "application/json")
    return parts


class Protocol:
    """Everything that can be asked of one server."""

    def __init__(self, server: str) -> None:
        self.server = server.rstrip("/")

    def page(self, job_id: str) -> str:
        """Address of the result page of a job."""
        return f"{self.server}/view.html?job={quote(job_id, safe='')}"

    def is_alive(self) -> Steps[bool]:
        """Whether a lumbar3d service answers."""
        try:
            answer = _given((yield Ask("GET", "/healthz", timeout_s=ALIVE_TIMEOUT_S)))
            return answer.status_code == httpx.codes.OK and bool(answer.json() == {"status": "ok"})
        except (httpx.HTTPError, ValueError):
            return False

    def submit(self, parts: Parts, idempotency_key: str | None) -> Steps[JobStatus]:
        """Send; a lost answer is asked for again, which the idempotency key makes safe."""
        ask = Ask("POST", "/reconstruct", parts, {"Idempotency-Key": idempotency_key or str(uuid.uuid4())})
        for _ in range(SUBMIT_TRIES - 1):
            try:
                return self._parsed((yield ask), JobStatus)
            except (httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout):
                continue
        return self._parsed((yield ask), JobStatus)

    def status(self, job_id: str) -> Steps[JobStatus]:
        """State of a job."""
        return self._parsed((yield from _patient(Ask("GET", _job(job_id)))), JobStatus)

    def wait(self, job_id: str, on_status: Callable[[JobStatus], None]) -> Steps[JobStatus]:
        """Ask until the job has ended; every answer goes to ``on_status``."""
        pause_s, longest_s = POLL_S
        while True:
            status = yield from self.status(job_id)
            on_status(status)
            if status.state.is_final:
                return status
            yield Pause(pause_s)
            pause_s = min(longest_s, pause_s * POLL_GROWTH)

    def jobs(self, most: int, wanted: Mapping[str, str]) -> Steps[tuple[JobStatus, ...]]:
        """The newest jobs that fit, page by page."""
        found: list[JobStatus] = []
        more: dict[str, str] = {}
        while len(found) < most:
            asked = {**wanted, **more, "limit": str(min(most - len(found), PAGE))}
            page = self._parsed((yield from _patient(Ask("GET", f"/jobs?{urlencode(asked)}"))), JobPage)
            found.extend(page.jobs)
            if page.next is None:
                break
            more = {"before": page.next}
        return tuple(found)

    def result(self, job_id: str) -> Steps[ReconstructionResult]:
        """Everything but the meshes."""
        return self._parsed((yield from _patient(Ask("GET", _job(job_id) + RESULT.address))), ReconstructionResult)

    def made(self, job_id: str, artifact: Artifact) -> Steps[bytes]:
        """A file that is made when it is asked for, and takes a while."""
        answer = yield from _patient(Ask("GET", _job(job_id) + artifact.address, timeout_s=MADE_TIMEOUT_S))
        return _good(answer).content

    def download(
        self, job_id: str, folder: Path, formats: Sequence[str] | None, frame: FrameName
    ) -> Steps[tuple[Path, ...]]:
        """Files of a job, one after the other."""
        folder.mkdir(parents=True, exist_ok=True)
        targets = []
        for address, name in _files(formats, frame):
            targets.append(folder / name)
            _good((yield Save(_job(job_id) + address, targets[-1])))
        return tuple(targets)

    def cancel(self, job_id: str) -> Steps[JobStatus]:
        """Stop a job that has not ended."""
        status = yield from self.status(job_id)
        if status.state.is_final:
            return status
        return self._parsed((yield Ask("DELETE", _job(job_id))), JobStatus)

    def erase(self, job_id: str) -> Steps[str]:
        """Stop and erase; what is gone at once."""
        while True:
            answer = _good((yield from _patient(Ask("DELETE", _job(job_id)))))
            if answer.status_code == httpx.codes.NO_CONTENT:
                return str(answer.headers.get(ERASED, ""))
            yield from self.wait(job_id, lambda _: None)

    def unreachable(self, error: httpx.HTTPError) -> NoAnswerError:
        """For whoever could not take a step."""
        return NoAnswerError(f"no answer from {self.server} ({type(error).__name__})")

    def _parsed(self, answer: Answer, model: type[ModelT]) -> ModelT:
        try:
            return model.model_validate_json(_good(answer).content)
        except ValidationError:
            raise NoAnswerError(f"what answers at {self.server} is not this version of lumbar3d") from None


def _patient(ask: Ask) -> Steps[httpx.Response]:
    """The answer, asked for again as long as a busy service says when to come back."""
    for _ in range(ASK_AGAIN):
        answer = _given((yield ask))
        pause_s = answer.headers.get("Retry-After", "")
        if answer.status_code not in BUSY or not pause_s.isdecimal():
            return answer
        yield Pause(min(int(pause_s), LONGEST_PAUSE_S))
    return _given((yield ask))


def _given(answer: Answer) -> httpx.Response:
    assert answer is not None, "an Ask or a Save has an answer"
    return answer


def _good(answer: Answer) -> httpx.Response:
    """The same; raises what the service refused with."""
    given = _given(answer)
    if given.is_error:
        raise refusal(given)
    return given


def _files(formats: Sequence[str] | None, frame: FrameName) -> Iterator[tuple[str, str]]:
    """Address below the job and file name of everything wanted; ``KeyError`` where there is no such format."""
    wanted = SAVED if formats is None else tuple(each for name in formats for each in FORMATS[name])
    for artifact in wanted:
        for address, name in artifact.files():
            yield address + _asking(artifact, frame), name


def _job(job_id: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}"


def _asking(artifact: Artifact, frame: FrameName) -> str:
    return f"?frame={frame}" if artifact.is_framed and frame != FRAMES[0] else ""
