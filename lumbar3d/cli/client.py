"""Client of the REST interface."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from lumbar3d.artifacts import ARTIFACTS, DICOM
from lumbar3d.cli.errors import CliError, Exit, RefusedError
from lumbar3d.contracts import VIEWS, JobStatus, Problem, ReconstructOptions

Parts = dict[str, tuple[str, bytes, str]]
ModelT = TypeVar("ModelT", bound=BaseModel)
TIMEOUT = httpx.Timeout(30.0, write=300.0)
DICOM_TIMEOUT_S = 120.0
"""These files are made when they are asked for."""
SUBMIT_TRIES = 3
POLL_S = (0.3, 2.0)
"""First and largest pause between two questions about a job."""
POLL_GROWTH = 1.2
BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
ASK_AGAIN = 60
LONGEST_PAUSE_S = 10

FILES = dict(file for artifact in ARTIFACTS if not artifact.repeats for file in artifact.files())
"""Address below the job, and the name it is saved under."""


class JobsClient:
    """One server, one key.

    Parameters
    ----------
    server : str
        Base address, ``http://host:port``.
    api_key : str or None
        Sent as a bearer token.
    """

    def __init__(self, server: str, api_key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        try:
            self._http = httpx.Client(base_url=server, headers=headers, timeout=TIMEOUT)
        except (httpx.InvalidURL, ValueError):
            raise CliError(f"not the address of a server: {server}", Exit.USAGE) from None
        self.server = server.rstrip("/")

    def __enter__(self) -> Self:
        """Use it in a ``with`` statement: the connections are closed at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def page(self, job_id: str) -> str:
        """Address of the result page of a job."""
        return f"{self.server}/view.html?job={quote(job_id, safe='')}"

    def is_alive(self) -> bool:
        """Whether a lumbar3d service answers at this address."""
        try:
            answer = self._http.get("/healthz", timeout=2.0)
            return answer.status_code == httpx.codes.OK and answer.json() == {"status": "ok"}
        except (httpx.HTTPError, ValueError):
            return False

    def submit(
        self,
        images: tuple[Path, Path],
        calibration: Path | None,
        options: ReconstructOptions,
        idempotency_key: str | None = None,
    ) -> JobStatus:
        """Send AP and LAT with their calibration; a lost answer is asked for again under the same key.

        Parameters
        ----------
        images : (Path, Path)
        calibration : Path or None
            None where ``options.geometry`` says that the films' tags hold it.
        options : ReconstructOptions
        idempotency_key : str or None
            The same key and files give the same job, whoever asks again; None is a new job.

        Raises
        ------
        RefusedError
            The server refuses.
        CliError
            It cannot be reached.
        OSError
            A file cannot be read.
        """
        parts: Parts = {
            view: (view, path.read_bytes(), "application/octet-stream")
            for view, path in zip(VIEWS, images, strict=True)
        }
        if calibration is not None:
            parts["calibration"] = ("calibration.json", calibration.read_bytes(), "application/json")
        parts["options"] = ("options.json", options.model_dump_json().encode(), "application/json")
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._asked(lambda: self._post("/reconstruct", parts, headers), JobStatus)

    def status(self, job_id: str) -> JobStatus:
        """State of a job."""
        return self._asked(lambda: _patient(lambda: self._http.get(_job(job_id))), JobStatus)

    def wait(self, job_id: str, on_status: Callable[[JobStatus], None]) -> JobStatus:
        """Ask until the job has ended; every answer goes to ``on_status``."""
        pause_s, longest_s = POLL_S
        while True:
            status = self.status(job_id)
            on_status(status)
            if status.state.is_final:
                return status
            time.sleep(pause_s)
            pause_s = min(longest_s, pause_s * POLL_GROWTH)

    def download(self, job_id: str, folder: Path) -> tuple[Path, ...]:
        """Save every file of a finished job; each appears whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(self._save(f"{_job(job_id)}{address}", folder / name) for address, name in FILES.items())

    def dicom(self, job_id: str) -> bytes:
        """The ZIP of the DICOM objects of a finished job.

        Raises
        ------
        RefusedError
            There are none, or not yet.
        CliError
            The server cannot be reached.
        """
        try:
            answer = _patient(lambda: self._http.get(_job(job_id) + DICOM.address, timeout=DICOM_TIMEOUT_S))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if answer.is_error:
            raise _refusal(answer)
        return answer.content

    def _post(self, address: str, parts: Parts, headers: dict[str, str]) -> httpx.Response:
        """Post; repeated after a lost answer, which the idempotency key makes safe."""
        for _ in range(SUBMIT_TRIES - 1):
            try:
                return self._http.post(address, files=parts, headers=headers)
            except (httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout):
                continue
        return self._http.post(address, files=parts, headers=headers)

    def _save(self, address: str, target: Path) -> Path:
        partial = target.with_name(f".{target.name}.part")
        try:
            with self._http.stream("GET", address) as answer, partial.open("wb") as file:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                for chunk in answer.iter_bytes():
                    file.write(chunk)
            partial.replace(target)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        finally:
            partial.unlink(missing_ok=True)
        return target

    def _asked(self, ask: Callable[[], httpx.Response], model: type[ModelT]) -> ModelT:
        try:
            return self._parsed(ask(), model)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None

    def _parsed(self, answer: httpx.Response, model: type[ModelT]) -> ModelT:
        if answer.is_error:
            raise _refusal(answer)
        try:
            return model.model_validate_json(answer.content)
        except ValidationError:
            raise CliError(f"what answers at {self.server} is not this version of lumbar3d", Exit.UNREACHABLE) from None

    def _unreachable(self, error: httpx.HTTPError) -> CliError:
        return CliError(f"no answer from {self.server} ({type(error).__name__})", Exit.UNREACHABLE)


def _patient(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer, asked for again as long as a busy service says when to come back."""
    for _ in range(ASK_AGAIN):
        answer = ask()
        pause_s = answer.headers.get("Retry-After", "")
        if answer.status_code not in BUSY or not pause_s.isdecimal():
            return answer
        time.sleep(min(int(pause_s), LONGEST_PAUSE_S))
    return ask()


def _job(job_id: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}"


def _refusal(answer: httpx.Response) -> CliError:
    """A problem document as one line; another body means that something else answered."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return CliError(f"the server answered {answer.status_code}", Exit.UNREACHABLE)
    faults = (problem.model_extra or {}).get("faults", [])
    places = ", ".join(f"{fault['pointer'] or '/'} {fault['message']}" for fault in faults)
    text = (problem.detail or problem.title) + (f": {places}" if places else "")
    return RefusedError(f"{text} ({problem.code}, HTTP {problem.status})", problem.code)
