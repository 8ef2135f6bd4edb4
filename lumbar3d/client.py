"""The REST interface from the client's side: submit, follow, fetch, erase.

::

    with JobsClient("https://spine.example.org", api_key) as client:
        job = client.submit(("ap.dcm", "lat.dcm"), "calibration.json")
        client.wait(job.id)
        measurements = client.result(job.id).measurements
        client.download(job.id, "spine", formats=["stl", "nifti"], frame="lps")
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from lumbar3d.artifacts import DICOM, FORMATS, RESULT, SEGMENTATION, USUAL, Artifact
from lumbar3d.contracts import (
    FRAMES,
    VIEWS,
    Calibration,
    FrameName,
    JobStatus,
    Problem,
    ReconstructionResult,
    ReconstructOptions,
)

Parts = dict[str, tuple[str, bytes, str]]
ModelT = TypeVar("ModelT", bound=BaseModel)
TIMEOUT = httpx.Timeout(30.0, write=300.0)
SUBMIT_TRIES = 3
POLL_S = (0.3, 2.0)
"""First and largest pause between two questions about a job."""
POLL_GROWTH = 1.2
DICOM_TIMEOUT_S = 120.0
"""These files are made when they are asked for."""
BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
ASK_AGAIN = 60
LONGEST_PAUSE_S = 10

SAVED = tuple(artifact for artifact in USUAL if not artifact.repeats)
"""What a download without choice holds."""
ERASED = "Lumbar3d-Erased"


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


class JobsClient:
    """One server, one key.

    Parameters
    ----------
    server : str
        Base address, ``http://host:port``.
    api_key : str or None
        Sent as a bearer token.

    Every method may raise ``ClientError``.

    Raises
    ------
    AddressError
        Not the address of a server.
    """

    def __init__(self, server: str, api_key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        try:
            self._http = httpx.Client(base_url=server, headers=headers, timeout=TIMEOUT)
        except (httpx.InvalidURL, ValueError):
            raise AddressError(f"not the address of a server: {server}") from None
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
        images: tuple[str | Path, str | Path],
        calibration: str | Path | Calibration | None,
        options: ReconstructOptions | None = None,
        idempotency_key: str | None = None,
    ) -> JobStatus:
        """Send AP and LAT with their calibration; a lost answer is asked for again under the same key.

        Parameters
        ----------
        images : (AP, LAT)
            Files.
        calibration : str, Path, Calibration or None
            A file of JSON, sent as it is, or the contract; None where ``options.geometry`` says that the films' tags
            hold it.
        options : ReconstructOptions, optional
        idempotency_key : str, optional
            The same key with the same files is the same job, however often it is sent; default: one of its own.

        Raises
        ------
        OSError
            A file cannot be read.
        """
        parts: Parts = {
            view: (view, Path(path).read_bytes(), "application/octet-stream")
            for view, path in zip(VIEWS, images, strict=True)
        }
        if calibration is not None:
            room = (
                calibration.model_dump_json().encode()
                if isinstance(calibration, Calibration)
                else Path(calibration).read_bytes()
            )
            parts["calibration"] = ("calibration.json", room, "application/json")
        chosen = options or ReconstructOptions()
        parts["options"] = ("options.json", chosen.model_dump_json().encode(), "application/json")
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._asked(lambda: self._post("/reconstruct", parts, headers), JobStatus)

    def status(self, job_id: str) -> JobStatus:
        """State of a job."""
        return self._asked(lambda: _patient(lambda: self._http.get(_job(job_id))), JobStatus)

    def wait(self, job_id: str, on_status: Callable[[JobStatus], None] = lambda _: None) -> JobStatus:
        """Ask until the job has ended, however; every answer goes to ``on_status``."""
        pause_s, longest_s = POLL_S
        while True:
            status = self.status(job_id)
            on_status(status)
            if status.state.is_final:
                return status
            time.sleep(pause_s)
            pause_s = min(longest_s, pause_s * POLL_GROWTH)

    def dicom(self, job_id: str) -> bytes:
        """The ZIP of the DICOM objects of a finished job, made when it is asked for."""
        return self._made(job_id, DICOM)

    def segmentation(self, job_id: str) -> bytes:
        """The fitted vertebrae of a finished job as a DICOM segmentation, made when it is asked for."""
        return self._made(job_id, SEGMENTATION)

    def _made(self, job_id: str, artifact: Artifact) -> bytes:
        try:
            answer = _patient(lambda: self._http.get(_job(job_id) + artifact.address, timeout=DICOM_TIMEOUT_S))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if answer.is_error:
            raise _refusal(answer)
        return answer.content

    def result(self, job_id: str) -> ReconstructionResult:
        """Poses, landmarks, measurements, quality of a finished job."""
        return self._asked(
            lambda: _patient(lambda: self._http.get(_job(job_id) + RESULT.address)), ReconstructionResult
        )

    def download(
        self, job_id: str, folder: str | Path, formats: Sequence[str] | None = None, frame: FrameName = FRAMES[0]
    ) -> tuple[Path, ...]:
        """Save files of a finished job; each appears whole or not at all.

        Parameters
        ----------
        job_id : str
        folder : str or Path
            Made where it is missing.
        formats : sequence of str, optional
            Of ``artifacts.FORMATS``; default: everything that the job stores.
        frame : {"srs", "lps"}
            Axes of what can be had in more than one frame.

        Raises
        ------
        KeyError
            No such format.
        """
        wanted = SAVED if formats is None else tuple(each for name in formats for each in FORMATS[name])
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        return tuple(
            self._save(_job(job_id) + address + _asking(artifact, frame), target / name)
            for artifact in wanted
            for address, name in artifact.files()
        )

    def cancel(self, job_id: str) -> JobStatus:
        """Stop a job that has not ended; one that has is left as it is. The job ends soon after, not at once."""
        status = self.status(job_id)
        return status if status.state.is_final else self._asked(lambda: self._http.delete(_job(job_id)), JobStatus)

    def erase(self, job_id: str) -> str:
        """Stop a job where it still runs, and erase it with its images and results.

        Returns
        -------
        str
            What is gone at once: ``job, result, images``; what is missing there goes within minutes.
        """
        try:
            while True:
                answer = _patient(lambda: self._http.delete(_job(job_id)))
                if answer.is_error:
                    raise _refusal(answer)
                if answer.status_code == httpx.codes.NO_CONTENT:
                    return str(answer.headers.get(ERASED, ""))
                self.wait(job_id)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None

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
            raise NoAnswerError(f"what answers at {self.server} is not this version of lumbar3d") from None

    def _unreachable(self, error: httpx.HTTPError) -> NoAnswerError:
        return NoAnswerError(f"no answer from {self.server} ({type(error).__name__})")


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


def _asking(artifact: Artifact, frame: FrameName) -> str:
    return f"?frame={frame}" if artifact.is_framed and frame != FRAMES[0] else ""


def _refusal(answer: httpx.Response) -> ClientError:
    """A problem document as one line; another body means that something else answered."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return NoAnswerError(f"the server answered {answer.status_code}")
    faults = (problem.model_extra or {}).get("faults", [])
    places = ", ".join(f"{fault['pointer'] or '/'} {fault['message']}" for fault in faults)
    text = (problem.detail or problem.title) + (f": {places}" if places else "")
    return RefusedError(f"{text} ({problem.code}, HTTP {problem.status})", problem)
