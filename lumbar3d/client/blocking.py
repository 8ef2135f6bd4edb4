"""Blocking client, over ``httpx.Client``."""

from __future__ import annotations

import time
from collections.abc import Callable
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


def _method(steps: Callable[Concatenate[Protocol, Given], Steps[ResultT]]) -> Method[Given, ResultT]:
    @described(steps)
    def method(client: JobsClient, /, *given: Given.args, **named: Given.kwargs) -> ResultT:
        return client._take(steps(client._protocol, *given, **named))

    bound: Method[Given, ResultT] = method
    return bound


class JobsClient(BaseClient[httpx.Client]):
    """One server, one key; every method may raise ``ClientError``."""

    _connects = httpx.Client
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

    def __enter__(self) -> Self:
        """Use it in a ``with`` statement: the connections are closed at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

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
        if isinstance(step, Work):
            step.run()
            return None
        if isinstance(step, Ask):
            arguments: Any = arguments_of(step)
            return self._http.request(**arguments)
        if isinstance(step, Listen):
            return self._listen(step)
        return self._save(step)

    def _listen(self, step: Listen) -> Answer:
        with self._http.stream("GET", step.address) as answer:
            if answer.is_error:
                answer.read()
                return answer
            for line in answer.iter_lines():
                step.take_line(line)
        return answer

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
