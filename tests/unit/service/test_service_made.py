"""Cache of what is made of a result: made once, however many ask at the same time, and within the room."""

from __future__ import annotations

import threading
import time

import pytest

from lumbar3d.service.made import Made


def test_many_at_once_are_answered_by_one_making() -> None:
    made, made_by, answers = Made(), [], []

    def make() -> bytes:
        made_by.append(threading.get_ident())
        time.sleep(0.05)
        return b"x"

    threads = [threading.Thread(target=lambda: answers.append(made.get("key", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made_by) == 1 and answers == [b"x"] * 8


def test_what_failed_is_tried_again() -> None:
    made = Made()

    def fail() -> bytes:
        raise OSError("as the test asked")

    with pytest.raises(OSError, match="as the test asked"):
        made.get("key", fail)
    assert made.get("key", lambda: b"x") == b"x" and not made._entries["key"].lock.locked()


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    made, makings = Made(most_bytes=10), []

    def get(key: str) -> None:
        made.get(key, lambda: makings.append(key) or b"1234")

    for key in ("a", "b", "a", "c", "a", "b"):
        get(key)
    assert makings == ["a", "b", "c", "b"]
    assert made.get("large", lambda: bytes(11)) == bytes(11), "sent, and not kept"
    assert not made._entries
