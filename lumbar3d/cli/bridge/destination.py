"""Archive that results are stored in, whatever it speaks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from pydicom import Dataset

Store = Callable[[Dataset], str | None]
"""Stores one object: None once the archive has it, or why it will never take it."""


class Destination(ABC):
    """One archive."""

    def send(self, objects: Sequence[Dataset], on_answer: Callable[[str, str | None], None]) -> None:
        """Store objects, one after the other.

        Parameters
        ----------
        objects : sequence of Dataset
        on_answer : callable
            Given the SOP Instance UID and None once the archive has it, or why it will never take it.

        Raises
        ------
        CliError
            The archive cannot be reached, or cannot take an object at this moment.
        """
        with self._connected(objects) as store:
            for each in objects:
                on_answer(str(each.SOPInstanceUID), store(each))

    @abstractmethod
    def _connected(self, objects: Sequence[Dataset]) -> AbstractContextManager[Store]:
        """Connect to store these objects."""
