"""A throw-away S3 server for tests: moto in a process of its own, reached through a line that a test can cut."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from s3fs import S3FileSystem

from benchmarks.processes import free_port, process, wait_until
from tests.database_line import DatabaseLine, database_line

BUCKET = "lumbar3d"
KEY = "test"


@dataclass
class S3Server:
    """A server with one empty bucket."""

    url: str
    line: DatabaseLine

    @property
    def environment(self) -> dict[str, str]:
        """Settings of botocore for whoever uses the line."""
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_DEFAULT_REGION": "us-east-1"}
        return {**keys, "AWS_ENDPOINT_URL": self.line.url}

    def put(self, key: str, content: bytes) -> None:
        """Change an object behind everybody's back."""
        self._files().pipe_file(f"{BUCKET}/{key}", content)

    def remove(self, key: str) -> None:
        """Remove an object behind everybody's back."""
        self._files().rm_file(f"{BUCKET}/{key}")

    def remove_bucket(self) -> None:
        """Remove the empty bucket."""
        self._files().rmdir(BUCKET)

    def create_bucket(self) -> None:
        """An empty bucket."""
        self._files().mkdir(BUCKET)

    def keys(self) -> list[str]:
        """Names of all objects."""
        return [name.partition("/")[2] for name in self._files().find(BUCKET)]

    def _files(self) -> S3FileSystem:
        """A client of our own, past the line."""
        return S3FileSystem(key=KEY, secret=KEY, endpoint_url=self.url, use_listings_cache=False)


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Start it."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with process(command, os.environ, folder / "s3.log"), database_line(url) as line:
        wait_until(lambda: _answers(url), f"moto did not start: {folder / 's3.log'}")
        server = S3Server(url, line)
        server.create_bucket()
        yield server


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
