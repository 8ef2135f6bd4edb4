"""Client for ``asyncio``, over ``httpx.AsyncClient``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Self

import httpx

from lumbar3d.client.base import BaseClient, described
from lumbar3d.client.protocol import Protocol
from lumbar3d.client.steps import (
    Answer,
    Ask,
    Given,
    Listen,
    Method,
    Pause,
    ResultT,
    Save,
    Step,
    Steps,
    Work,
    arguments_of,
)


def _method(
    steps: Callable[Concatenate[Protocol, Given], Steps[ResultT]],
) -> Method[Given, Coroutine[Any, Any, ResultT]]:
    @described(steps)
    async def method(client: AsyncJobsClient, /, *given: Given.args, **named: Given.kwargs) -> ResultT:
        return await client._take(steps(client._protocol, *given, **named))

    bound: Method[Given, Coroutine[Any, Any, ResultT]] = method
    return bound


class AsyncJobsClient(BaseClient[httpx.AsyncClient]):
    """One server, one key, for ``asyncio``; every method may raise ``ClientError``."""

    _connects = httpx.AsyncClient
    is_alive = _method(Protocol.is_alive)
    submit = _method(Protocol.submit)
    status = _method(Protocol.status)
    wait = _method(Protocol.wait)
    jobs = _method(Protocol.jobs)
    result = _method(Protocol.result)
    dicom = _method(Protocol.dicom)
    segmentation = _method(Protocol.segmentation)
    download = _method(Protocol.download)
    cancel = _method(Protocol.cancel)
    erase = _method(Protocol.erase)

    async def __aenter__(self) -> Self:
        """Use it in an ``async with`` statement: the connections are closed at its end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

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
        if isinstance(step, Work):
            await asyncio.to_thread(step.run)
            return None
        if isinstance(step, Ask):
            arguments: Any = arguments_of(step)
            return await self._http.request(**arguments)
        if isinstance(step, Listen):
            return await self._listen(step)
        return await self._save(step)

    async def _listen(self, step: Listen) -> Answer:
        async with self._http.stream("GET", step.address) as answer:
            if answer.is_error:
                await answer.aread()
                return answer
            async for line in answer.aiter_lines():
                step.take_line(line)
        return answer

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
