"""Client for ``asyncio``: the steps of the blocking one, over ``httpx.AsyncClient``."""

from __future__ import annotations

import asyncio
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


class AsyncJobsClient:
    """One server, one key; methods, their parameters and what they raise are those of ``JobsClient``.

    Raises
    ------
    AddressError
        Not the address of a server.
    """

    def __init__(self, server: str, api_key: str | None = None) -> None:
        settings: Any = settings_of(server, api_key)
        self._http = httpx.AsyncClient(**settings)
        self._protocol = Protocol(server)
        self.server = self._protocol.server

    async def __aenter__(self) -> Self:
        """Use it in an ``async with`` statement: the connections are closed at its end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def page(self, job_id: str) -> str:
        """Address of the result page of a job."""
        return self._protocol.page(job_id)

    async def is_alive(self) -> bool:
        """Whether a lumbar3d service answers at this address."""
        return await self._take(self._protocol.is_alive())

    async def submit(
        self,
        images: tuple[str | Path, str | Path],
        calibration: str | Path | Calibration | None,
        options: ReconstructOptions | None = None,
        idempotency_key: str | None = None,
    ) -> JobStatus:
        """Send AP and LAT with their calibration."""
        parts = await asyncio.to_thread(form, images, calibration, options or ReconstructOptions())
        return await self._take(self._protocol.submit(parts, idempotency_key))

    async def status(self, job_id: str) -> JobStatus:
        """State of a job."""
        return await self._take(self._protocol.status(job_id))

    async def wait(self, job_id: str, on_status: Callable[[JobStatus], None] = lambda _: None) -> JobStatus:
        """Ask until the job has ended, however; every answer goes to ``on_status``."""
        return await self._take(self._protocol.wait(job_id, on_status))

    async def jobs(self, most: int = 50, **wanted: str) -> tuple[JobStatus, ...]:
        """The newest jobs; of ``state``, ``reference``, ``review``, ``q``, ``all``."""
        return await self._take(self._protocol.jobs(most, wanted))

    async def dicom(self, job_id: str) -> bytes:
        """The ZIP of the DICOM objects of a finished job."""
        return await self._take(self._protocol.made(job_id, DICOM))

    async def segmentation(self, job_id: str) -> bytes:
        """The fitted vertebrae of a finished job as a DICOM segmentation, made when it is asked for."""
        return await self._take(self._protocol.made(job_id, SEGMENTATION))

    async def result(self, job_id: str) -> ReconstructionResult:
        """Poses, landmarks, measurements, quality of a finished job."""
        return await self._take(self._protocol.result(job_id))

    async def download(
        self, job_id: str, folder: str | Path, formats: Sequence[str] | None = None, frame: FrameName = FRAMES[0]
    ) -> tuple[Path, ...]:
        """Save files of a finished job; each appears whole or not at all."""
        return await self._take(self._protocol.download(job_id, Path(folder), formats, frame))

    async def cancel(self, job_id: str) -> JobStatus:
        """Stop a job that has not ended; one that has is left as it is."""
        return await self._take(self._protocol.cancel(job_id))

    async def erase(self, job_id: str) -> str:
        """Stop a job where it still runs, and erase it with its images and results; what is gone at once."""
        return await self._take(self._protocol.erase(job_id))

    async def _take(self, steps: Steps[ResultT]) -> ResultT:
        """Every step to the end."""
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._one(step)
                except httpx.HTTPError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: ResultT = end.value
            return result
        except httpx.HTTPError as error:
            raise self._protocol.unreachable(error) from None

    async def _one(self, step: Step) -> Answer:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        if isinstance(step, Ask):
            arguments: Any = arguments_of(step)
            return await self._http.request(**arguments)
        return await self._save(step)

    async def _save(self, step: Save) -> Answer:
        try:
            async with self._http.stream("GET", step.address) as answer:
                if answer.is_error:
                    await answer.aread()
                    return answer
                with step.partial.open("wb") as file:
                    async for chunk in answer.aiter_bytes():
                        await asyncio.to_thread(file.write, chunk)
            step.partial.replace(step.target)
            return answer
        finally:
            step.partial.unlink(missing_ok=True)
