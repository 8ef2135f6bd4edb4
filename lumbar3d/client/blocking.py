"""Blocking client: one server, one key, over ``httpx.Client``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from lumbar3d.artifacts import DICOM, SEGMENTATION
from lumbar3d.client.steps import (
    Answer,
    Ask,
    Pause,
    Protocol,
    ResultT,
    Save,
    Step,
    Steps,
    arguments_of,
    form,
    settings_of,
)
from lumbar3d.contracts import FRAMES, Calibration, FrameName, JobStatus, ReconstructionResult, ReconstructOptions


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
        settings: Any = settings_of(server, api_key)
        self._http = httpx.Client(**settings)
        self._protocol = Protocol(server)
        self.server = self._protocol.server

    def __enter__(self) -> Self:
        """Use it in a ``with`` statement: the connections are closed at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def page(self, job_id: str) -> str:
        """Address of the result page of a job."""
        return self._protocol.page(job_id)

    def is_alive(self) -> bool:
        """Whether a lumbar3d service answers at this address."""
        return self._take(self._protocol.is_alive())

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
        parts = form(images, calibration, options or ReconstructOptions())
        return self._take(self._protocol.submit(parts, idempotency_key))

    def status(self, job_id: str) -> JobStatus:
        """State of a job."""
        return self._take(self._protocol.status(job_id))

    def wait(self, job_id: str, on_status: Callable[[JobStatus], None] = lambda _: None) -> JobStatus:
        """Ask until the job has ended, however; every answer goes to ``on_status``."""
        return self._take(self._protocol.wait(job_id, on_status))

    def jobs(self, most: int = 50, **wanted: str) -> tuple[JobStatus, ...]:
        """The newest jobs.

        Parameters
        ----------
        most : int
        **wanted : str
            What they have to be: ``state``, ``reference``, ``review``, ``q`` (how a reference begins, or an id),
            ``all="true"`` for everybody's (role admin).
        """
        return self._take(self._protocol.jobs(most, wanted))

    def dicom(self, job_id: str) -> bytes:
        """The ZIP of the DICOM objects of a finished job, made when it is asked for."""
        return self._take(self._protocol.made(job_id, DICOM))

    def segmentation(self, job_id: str) -> bytes:
        """The fitted vertebrae of a finished job as a DICOM segmentation, made when it is asked for."""
        return self._take(self._protocol.made(job_id, SEGMENTATION))

    def result(self, job_id: str) -> ReconstructionResult:
        """Poses, landmarks, measurements, quality of a finished job."""
        return self._take(self._protocol.result(job_id))

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
        return self._take(self._protocol.download(job_id, Path(folder), formats, frame))

    def cancel(self, job_id: str) -> JobStatus:
        """Stop a job that has not ended; one that has is left as it is. The job ends soon after, not at once."""
        return self._take(self._protocol.cancel(job_id))

    def erase(self, job_id: str) -> str:
        """Stop a job where it still runs, and erase it with its images and results.

        Returns
        -------
        str
            What is gone at once: ``job, result, images``; what is missing there goes within minutes.
        """
        return self._take(self._protocol.erase(job_id))

    def _take(self, steps: Steps[ResultT]) -> ResultT:
        """Every step to the end."""
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._one(step)
                except httpx.HTTPError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: ResultT = end.value
            return result
        except httpx.HTTPError as error:
            raise self._protocol.unreachable(error) from None

    def _one(self, step: Step) -> Answer:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        if isinstance(step, Ask):
            arguments: Any = arguments_of(step)
            return self._http.request(**arguments)
        return self._save(step)

    def _save(self, step: Save) -> Answer:
        try:
            with self._http.stream("GET", step.address) as answer:
                if answer.is_error:
                    answer.read()
                    return answer
                with step.partial.open("wb") as file:
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
            step.partial.replace(step.target)
            return answer
        finally:
            step.partial.unlink(missing_ok=True)
