"""Protocol of the client: what to ask in which order and what to make of the answers, without a connection.

Each method is a generator of steps that a blocking or a nonblocking client takes; it is given the answers, or the
``httpx.HTTPError`` that came in their place, and returns what its caller wanted. Both clients have these methods, with
these parameters and words.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, ValidationError

from lumbar3d.artifacts import DICOM, FORMATS, RESULT, SEGMENTATION, USUAL, Artifact
from lumbar3d.client.errors import NoAnswerError
from lumbar3d.client.steps import LOST, Answer, Ask, Listen, Parts, Pause, Save, Steps, Work, given, good, patient
from lumbar3d.contracts import (
    FRAMES,
    VIEWS,
    Calibration,
    FrameName,
    JobStatus,
    ReconstructionResult,
    ReconstructOptions,
)

ModelT = TypeVar("ModelT", bound=BaseModel)
ALIVE_TIMEOUT_S = 2.0
SUBMIT_TRIES = 3
POLL_S = (0.3, 2.0)
"""First and largest pause between two questions about a job."""
POLL_GROWTH = 1.2
MADE_TIMEOUT_S = 120.0
"""For a file that is made when it is asked for."""
SAVED = tuple(artifact for artifact in USUAL if not artifact.repeats)
"""What a download without choice holds."""
ERASED = "Lumbar3d-Erased"
PAGE = 200
"""Jobs that a service lists at once."""


class JobPage(BaseModel):
    """One page of a list of jobs; ``next`` leads to the one behind it."""

    jobs: tuple[JobStatus, ...]
    next: str | None = None


class Protocol:
    """Everything that can be asked of one server; every method may raise ``ClientError``."""

    def __init__(self, server: str) -> None:
        self.server = server.rstrip("/")

    def page(self, job_id: str) -> str:
        """Address of the result page of a job."""
        return f"{self.server}/view.html?job={quote(job_id, safe='')}"

    def is_alive(self) -> Steps[bool]:
        """Whether a lumbar3d service answers at this address."""
        try:
            answer = given((yield Ask("GET", "/healthz", timeout_s=ALIVE_TIMEOUT_S)))
            return answer.status_code == httpx.codes.OK and bool(answer.json() == {"status": "ok"})
        except (httpx.HTTPError, ValueError):
            return False

    def submit(
        self,
        images: tuple[str | Path, str | Path],
        calibration: str | Path | Calibration | None,
        options: ReconstructOptions | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[JobStatus]:
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
        parts: Parts = {}
        yield Work(lambda: parts.update(_form(images, calibration, options or ReconstructOptions())))
        ask = Ask("POST", "/reconstruct", parts, {"Idempotency-Key": idempotency_key or str(uuid.uuid4())})
        for _ in range(SUBMIT_TRIES - 1):
            try:
                return self._parsed((yield ask), JobStatus)
            except (*LOST, httpx.ReadTimeout):
                continue
        return self._parsed((yield ask), JobStatus)

    def status(self, job_id: str) -> Steps[JobStatus]:
        """State of a job."""
        return self._parsed((yield from patient(Ask("GET", _job(job_id)))), JobStatus)

    def wait(self, job_id: str, on_status: Callable[[JobStatus], None] = lambda _: None) -> Steps[JobStatus]:
        """Follow the job until it has ended, however; every state that is told goes to ``on_status``.

        By the service's events; where there is no stream, or it breaks, by asking again and again.
        """
        last: list[JobStatus] = []

        def take(data: str) -> None:
            last[:] = [self._read(data, JobStatus)]
            on_status(last[0])

        with suppress(httpx.HTTPError):
            yield Listen(_job(job_id) + "/events", take)
        if last and last[0].state.is_final:
            return last[0]
        pause_s, longest_s = POLL_S
        while True:
            status = yield from self.status(job_id)
            on_status(status)
            if status.state.is_final:
                return status
            yield Pause(pause_s)
            pause_s = min(longest_s, pause_s * POLL_GROWTH)

    def jobs(self, /, most: int = 50, **wanted: str) -> Steps[tuple[JobStatus, ...]]:
        """The newest jobs.

        Parameters
        ----------
        most : int
        **wanted : str
            What they have to be: ``state``, ``reference``, ``review``, ``q`` (how a reference begins, or an id),
            ``all="true"`` for everybody's (role admin).
        """
        found: list[JobStatus] = []
        more: dict[str, str] = {}
        while len(found) < most:
            asked = {**wanted, **more, "limit": str(min(most - len(found), PAGE))}
            page = self._parsed((yield from patient(Ask("GET", f"/jobs?{urlencode(asked)}"))), JobPage)
            found.extend(page.jobs)
            if page.next is None:
                break
            more = {"before": page.next}
        return tuple(found)

    def result(self, job_id: str) -> Steps[ReconstructionResult]:
        """Poses, landmarks, measurements, quality of a finished job."""
        return self._parsed((yield from patient(Ask("GET", _job(job_id) + RESULT.address))), ReconstructionResult)

    def dicom(self, job_id: str) -> Steps[bytes]:
        """The ZIP of the DICOM objects of a finished job, made when it is asked for."""
        return _made(job_id, DICOM)

    def segmentation(self, job_id: str) -> Steps[bytes]:
        """The fitted vertebrae of a finished job as a DICOM segmentation, made when it is asked for."""
        return _made(job_id, SEGMENTATION)

    def download(
        self, job_id: str, folder: str | Path, formats: Sequence[str] | None = None, frame: FrameName = FRAMES[0]
    ) -> Steps[tuple[Path, ...]]:
        """Save files of a finished job, one after the other; each appears whole or not at all.

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
        Path(folder).mkdir(parents=True, exist_ok=True)
        targets = []
        for address, name in _files(formats, frame):
            targets.append(Path(folder) / name)
            good((yield Save(_job(job_id) + address, targets[-1])))
        return tuple(targets)

    def cancel(self, job_id: str) -> Steps[JobStatus]:
        """Stop a job that has not ended; one that has is left as it is. The job ends soon after, not at once."""
        status = yield from self.status(job_id)
        if status.state.is_final:
            return status
        return self._parsed((yield Ask("DELETE", _job(job_id))), JobStatus)

    def erase(self, job_id: str) -> Steps[str]:
        """Stop a job where it still runs, and erase it with its images and results.

        Returns
        -------
        str
            What is gone at once: ``job, result, images``; what is missing there goes within minutes.
        """
        while True:
            answer = good((yield from patient(Ask("DELETE", _job(job_id)))))
            if answer.status_code == httpx.codes.NO_CONTENT:
                return str(answer.headers.get(ERASED, ""))
            yield from self.wait(job_id)

    def unreachable(self, error: httpx.HTTPError) -> NoAnswerError:
        """For whoever could not take a step."""
        return NoAnswerError(f"no answer from {self.server} ({type(error).__name__})")

    def _parsed(self, answer: Answer, model: type[ModelT]) -> ModelT:
        return self._read(good(answer).content, model)

    def _read(self, document: str | bytes, model: type[ModelT]) -> ModelT:
        try:
            return model.model_validate_json(document)
        except ValidationError:
            raise NoAnswerError(f"what answers at {self.server} is not this version of lumbar3d") from None


def _form(
    images: tuple[str | Path, str | Path], calibration: str | Path | Calibration | None, options: ReconstructOptions
) -> Parts:
    """Parts of a submission."""
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


def _made(job_id: str, artifact: Artifact) -> Steps[bytes]:
    answer = yield from patient(Ask("GET", _job(job_id) + artifact.address, timeout_s=MADE_TIMEOUT_S))
    return good(answer).content


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
