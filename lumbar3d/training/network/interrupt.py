"""Interruption of a training by SIGINT or SIGTERM: the step under way ends, a wait for samples is broken off."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class _WaitBrokenOff(BaseException):
    """Raised in the wait for samples. Like KeyboardInterrupt it must pass every ``except Exception`` on its way."""


class StopOnSignal:
    """Whether a signal has asked to stop; handles SIGINT and SIGTERM from its making on."""

    def __init__(self) -> None:
        self._asked = self._waiting = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._asked

    def _handle(self, *_: object) -> None:
        first, self._asked = not self._asked, True
        if first and self._waiting:
            raise _WaitBrokenOff

    def until_asked(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items until a signal comes; what it interrupts is the making of an item, never its use."""
        iterator = iter(items)
        while not self._asked:
            try:
                self._waiting = True
                item = next(iterator)
            except (StopIteration, _WaitBrokenOff):
                return
            finally:
                self._waiting = False
            yield item
