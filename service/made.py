"""Cache of what is made of a result when somebody asks for it: made by one request, while others wait for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

MOST_BYTES = 64 << 20
"""In memory alone, because DICOM objects name the patient."""


@dataclass
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    content: bytes | None = None


class Made:
    """The last things that were made, by what they are made of; whoever asks has been allowed to before.

    Parameters
    ----------
    most_bytes : int
        What was asked for longest ago goes first.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """What ``make`` gives, which is called only where nobody else has called it for this key.

        What it raises is raised, and the next request tries again.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
        with entry.lock:
            if entry.content is None:
                try:
                    entry.content = make()
                finally:
                    self._trim(key)
            return entry.content

    def _trim(self, newest: Hashable) -> None:
        """Without what could not be made, and within the room."""
        with self._lock:
            made = self._entries.get(newest)
            if made is not None and made.content is None:
                del self._entries[newest]
            held = sum(len(each.content or b"") for each in self._entries.values())
            for key in [*self._entries]:
                content = self._entries[key].content
                if held <= self._most_bytes or content is None:
                    continue
                held -= len(content)
                del self._entries[key]
