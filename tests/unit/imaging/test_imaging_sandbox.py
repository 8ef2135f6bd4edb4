"""The codecs' sandbox: limits, faults, and what one stream can do to the next."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lumbar3d.errors import EngineError, RadiographError
from lumbar3d.imaging import codec_server, sandbox
from lumbar3d.imaging.codec_server import CodecServers
from lumbar3d.imaging.sandbox import run_codec
from tests.unit.other_codecs import other_codec, own_servers
from tests.unit.radiograph_files import gradient, write_png

IMAGE = "return np.zeros((2, 2), np.uint8)"


def server_pid(servers: CodecServers) -> int:
    """Process id of the running server."""
    assert servers._server is not None
    return servers._server._process.pid


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether it comes true within a few seconds."""
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        if is_so():
            return True
        time.sleep(0.02)
    return False


def group_is_gone(pid: int) -> bool:
    """Whether no process of the server's session is left."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def png(tmp_path: Path) -> bytes:
    """A real stream."""
    return write_png(tmp_path / "a.png", gradient(400, 400)).read_bytes()


def test_a_codec_may_not_take_more_memory_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = write_png(tmp_path / "a.png", gradient(4000, 4000)).read_bytes()
    monkeypatch.setattr(sandbox, "_MEMORY_BYTES", 2**28)
    with own_servers(monkeypatch):
        assert run_codec("png", stream).shape == (4000, 4000)
        monkeypatch.setattr(sandbox, "_MEMORY_BYTES", 2**28 - 2**27)
        with pytest.raises(RadiographError, match="cannot be decoded"):
            run_codec("png", stream)


def test_a_codec_may_not_take_more_time_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_CPU_SECONDS", 1)
    with (
        other_codec("while True: pass", tmp_path, monkeypatch),
        pytest.raises(RadiographError, match="too long"),
    ):
        run_codec("png", b"")


def test_a_codec_that_crashes_ends_as_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with other_codec("os.kill(os.getpid(), int(stream))", tmp_path, monkeypatch):
        for number in (signal.SIGXCPU, signal.SIGSEGV, signal.SIGKILL):
            with pytest.raises(RadiographError):
                run_codec("png", str(int(number)).encode())


def test_a_codec_that_hangs_is_the_machines_fault_and_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with other_codec(f"import time; time.sleep(600 if stream else 0)\n{IMAGE}", tmp_path, monkeypatch) as servers:
        run_codec("png", b"")
        hung = server_pid(servers)
        monkeypatch.setattr(sandbox, "_WALL_SECONDS", 0.3)
        with pytest.raises(EngineError, match="busy"):
            run_codec("png", b"film")
        assert eventually(lambda: group_is_gone(hung))
        monkeypatch.setattr(sandbox, "_WALL_SECONDS", 60)
        assert run_codec("png", b"").shape == (2, 2)


def test_a_codec_can_open_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = f"import socket\ntry:\n    eval(stream)\nexcept OSError:\n    {IMAGE}\nos._exit(1)"
    with other_codec(body, tmp_path, monkeypatch):
        for attempt in (b"open('/dev/null')", b"socket.socket()", b"os.pipe()", b"os.listdir('/')"):
            assert run_codec("png", attempt).shape == (2, 2)
        with pytest.raises(RadiographError):  # what needs no descriptor ends as the body says
            run_codec("png", b"1 + 1")


def test_a_codec_may_not_write_more_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_MEMORY_BYTES", 2**28)
    body = f"try:\n    os.pwrite(1, b'x', int(stream))\nexcept OSError:\n    {IMAGE}\nos._exit(1)"
    with other_codec(body, tmp_path, monkeypatch):
        assert run_codec("png", str(2**28).encode()).shape == (2, 2)
        with pytest.raises(RadiographError):
            run_codec("png", b"1000")


def test_a_codec_never_meets_another_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with other_codec("return np.full((1, 1), len(seen), np.uint8)", tmp_path, monkeypatch) as servers:
        assert [int(run_codec("png", b"film")[0, 0]) for _ in range(3)] == [1, 1, 1]
        assert server_pid(servers)


def test_what_a_codec_in_other_hands_writes_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with other_codec("os.write(1, stream); os._exit(0)", tmp_path, monkeypatch):
        assert run_codec("png", b"<u2 1 2\nabcd").shape == (1, 2)
        for lie in (b"", b"<u2 4 4\n", b"<f8 0\n", b"<u2 -1\nabcd", b"O 1\n12345678", b"x" * 100):
            with pytest.raises(RadiographError, match="16 bits"):
                run_codec("png", lie)


def test_one_server_serves_until_it_is_old_or_a_stream_was_at_fault(
    png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_server, "_STREAMS", 2)
    with own_servers(monkeypatch) as servers:
        pids = []
        for stream in (png, png, png, b"damaged", png):
            if stream is png:
                np.testing.assert_array_equal(run_codec("png", stream), gradient(400, 400))
                pids.append(server_pid(servers))
            else:
                with pytest.raises(RadiographError, match="cannot be decoded"):
                    run_codec("png", stream)
    assert pids[0] == pids[1]
    assert len(set(pids)) == 3
    assert all(eventually(lambda pid=pid: group_is_gone(pid)) for pid in pids)


def test_a_server_that_was_ended_is_replaced(png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with own_servers(monkeypatch) as servers:
        run_codec("png", png)
        ended = server_pid(servers)
        os.kill(ended, signal.SIGKILL)
        assert servers._server is not None
        servers._server._process.wait()
        assert run_codec("png", png).shape == (400, 400)
        assert server_pid(servers) != ended
    with other_codec("os.killpg(os.getpgid(0), 9)", tmp_path, monkeypatch), pytest.raises(EngineError, match="ended"):
        run_codec("png", b"")


def test_two_threads_decode_at_once(png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with own_servers(monkeypatch), ThreadPoolExecutor(4) as pool:
        for film in pool.map(lambda _: run_codec("png", png), range(8)):
            np.testing.assert_array_equal(film, gradient(400, 400))


def test_who_asks_loads_no_codec() -> None:
    program = "import sys, lumbar3d.imaging.inspect; sys.exit('imagecodecs' in sys.modules)"
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", program]) == 0
