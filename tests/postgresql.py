"""A throw-away PostgreSQL server for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class PostgresqlMissing(Exception):
    """Why there is no server here."""


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a server on a free port; yields an SQLAlchemy URL.

    PostgreSQL refuses to run as root, so root hands it to an unprivileged user.
    """
    initdb, pg_ctl = shutil.which("initdb"), shutil.which("pg_ctl")
    if initdb is None or pg_ctl is None:
        raise PostgresqlMissing("initdb and pg_ctl are not on PATH")
    become = _become_unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="lumbar3d-pg-"))
    try:
        if become:
            os.chown(folder, int(become[2].partition("=")[2]), -1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        data = folder / "data"
        _run([*become, initdb, "-D", data, "-U", "lumbar3d", "-A", "trust", "--no-sync"], folder)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        _run([*become, pg_ctl, "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], folder)
        try:
            yield f"postgresql+psycopg://lumbar3d@127.0.0.1:{port}/postgres"
        finally:
            _run([*become, pg_ctl, "-D", data, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str | Path], folder: Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def _become_unprivileged() -> list[str]:
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise PostgresqlMissing("this is root, PostgreSQL refuses root, and there is no setpriv to become another user")
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return ["setpriv", "--clear-groups", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"]
    raise PostgresqlMissing("this is root, PostgreSQL refuses root, and there is no unprivileged user")
