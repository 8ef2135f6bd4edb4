"""Cache of what is made of a result when somebody asks for it: made by one request, while others wait for it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

MOST_BYTES = 64 << 20
"""In memory alone, because DICOM objects name the patient."""
KEPT_S = 180.0
"""After its last use: another front end does not hear that a job was erased."""


@dataclass
class _Entry:
    job_id: str
    used_s: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    content: bytes | None = None


class Made:
    """The last things that were made, by what they are made of; whoever asks has been allowed to before.

    Parameters
    ----------
    most_bytes : int
        What was asked for longest ago goes first.
    kept_s : float
        After its last use, as long as somebody calls ``expire``.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, kept_s: float = KEPT_S) -> None:
        self._most_bytes = most_bytes
        self._kept_s = kept_s
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, job_id: str, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """What ``make`` gives of this job, which is called only where nobody else has called it for this key.

        What it raises is raised, and the next request tries again.
        """
        now_s = time.monotonic()
        with self._lock:
            entry = self._entries.setdefault(key, _Entry(job_id, now_s))
            entry.used_s = now_s
            self._entries.move_to_end(key)
        with entry.lock:
            if entry.content is None:
                try:
                    entry.content = make()
                finally:
                    self._trim(key)
            return entry.content

    def forget(self, job_ids: Iterable[str]) -> None:
        """Drop what was made of these jobs: they are erased. What is being made at this moment goes to who asked."""
        erased = frozenset(job_ids)
        self._drop(lambda entry: entry.job_id in erased)

    def expire(self) -> None:
        """Drop what nobody has asked for lately, erased or not."""
        oldest_s = time.monotonic() - self._kept_s
        self._drop(lambda entry: entry.used_s < oldest_s)

    def _drop(self, is_over: Callable[[_Entry], bool]) -> None:
        with self._lock:
            for key in [key for key, entry in self._entries.items() if is_over(entry)]:
                del self._entries[key]

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
