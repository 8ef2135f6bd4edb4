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

    threads = [threading.Thread(target=lambda: answers.append(made.get("job", "key", make))) for _ in range(8)]
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
        made.get("job", "key", fail)
    assert made.get("job", "key", lambda: b"x") == b"x" and not made._entries["key"].lock.locked()


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    made, makings = Made(most_bytes=10), []

    def get(key: str) -> None:
        made.get("job", key, lambda: makings.append(key) or b"1234")

    for key in ("a", "b", "a", "c", "a", "b"):
        get(key)
    assert makings == ["a", "b", "c", "b"]
    assert made.get("job", "large", lambda: bytes(11)) == bytes(11), "sent, and not kept"
    assert not made._entries


def test_what_is_made_of_an_erased_job_goes_with_it_and_the_rest_after_a_while() -> None:
    made = Made(kept_s=0.05)
    for job in ("a", "b"):
        made.get(job, job, lambda: b"x")
    made.forget(["a", "unknown"])
    assert [*made._entries] == ["b"]
    made.expire()
    assert [*made._entries] == ["b"]
    time.sleep(0.06)
    made.get("b", "b", lambda: b"y")
    made.expire()
    assert [*made._entries] == ["b"], "whoever asks keeps it"
    time.sleep(0.06)
    made.expire()
    assert not made._entries
