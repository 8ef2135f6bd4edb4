"""The command ``lumbar3d`` with the tiny engine in place of the real one, as quick as a shell's own commands.

``python -m tests.tiny_cli SOCKET`` loads the command line once; ``CALLER`` is the program that has it run there, in a
process of its own, with the caller's arguments, folder, environment and streams.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import cast

from lumbar3d import pipeline
from lumbar3d.cli.main import app
from tests.tiny_engine import TinyEngine

CALLER = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(line, [len(said).to_bytes(4, "big")], [0, 1, 2])
    line.sendall(said)
    sys.exit(line.recv(1)[0])
"""
MODULES = ("imaging.review", "service.keyfile", "service.webhooks", "jobs.backup", "jobs.stores")
"""What commands import when they run."""


def serve(address: str) -> None:
    """Until the process is ended."""
    for name in MODULES:
        importlib.import_module(f"lumbar3d.{name}")
    pipeline.Engine.load = _load  # type: ignore[method-assign, assignment]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        while True:
            line, _ = listener.accept()
            with line:
                length, streams, _, _ = socket.recv_fds(line, 4, 3)
                said = line.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
                arguments, folder, environment = json.loads(said)
                line.sendall(bytes([_run(arguments, folder, environment, streams)]))


def _load(*_: object) -> pipeline.Engine:
    return cast(pipeline.Engine, TinyEngine(None))


def _run(arguments: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> int:
    """Exit status of the command."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            app(arguments, prog_name="lumbar3d")
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    for stream in streams:
        os.close(stream)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF


def caller(path: Path, address: str) -> None:
    """Write the program."""
    path.write_text(CALLER.format(python=sys.executable, address=address))
    path.chmod(0o755)


if __name__ == "__main__":
    serve(sys.argv[1])
