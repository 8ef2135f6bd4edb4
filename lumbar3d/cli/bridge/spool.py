"""Films on disk between their arrival and the end of their job, for the owner only."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from lumbar3d.cli.bridge.bounds import MEBIBYTE, Bounds

LEAST_BYTES = 64 * 1024
"""A film counts for at least as much, so that the number of files is bounded too."""


class SpoolFullError(OSError):
    """As many films wait as may."""


class Spool:
    """A folder of the bridge.

    Parameters
    ----------
    folder : Path
        Made where missing.
    most_bytes : int
        Of all films together.
    """

    def __init__(self, folder: Path, most_bytes: int = Bounds.spool_bytes) -> None:
        self._most_bytes, self._writing = most_bytes, threading.Lock()
        self._films, self._calibrations = folder / "films", folder / "calibrations"
        for each in (folder, self._films, self._calibrations):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)

    def film(self, sop: str) -> Path:
        """Where the file of an instance lies; the name tells nothing of it."""
        return self._films / f"{hashlib.sha256(sop.encode()).hexdigest()[:32]}.dcm"

    def keep_film(self, sop: str, content: bytes) -> Path:
        """Write a film durably; it appears whole or not at all.

        Raises
        ------
        SpoolFullError
            There is no room for it until others have been answered.
        """
        with self._writing:
            held_bytes = sum(max(entry.stat().st_size, LEAST_BYTES) for entry in os.scandir(self._films))
            if held_bytes + max(len(content), LEAST_BYTES) > self._most_bytes:
                words = f"films that wait already fill the {self._most_bytes // MEBIBYTE} MiB of --max-waiting-mb"
                raise SpoolFullError(words)
            return _written(self.film(sop), content)

    def drop_film(self, sop: str) -> None:
        """Remove the file of an instance; no error where there is none."""
        self.film(sop).unlink(missing_ok=True)

    def keep_only(self, sops: Iterable[str]) -> None:
        """Remove all files but those of these instances: what a killed bridge left."""
        wanted = {self.film(sop) for sop in sops}
        for path in self._films.iterdir():
            if path not in wanted:
                path.unlink(missing_ok=True)

    def calibration(self, name: str) -> Path:
        """Where a calibration lies that a pair was given."""
        return self._calibrations / name

    def keep_calibration(self, content: bytes) -> str:
        """Keep a calibration by its content; returns its name."""
        name = f"{hashlib.sha256(content).hexdigest()}.json"
        _written(self.calibration(name), content)
        return name


def _written(path: Path, content: bytes) -> Path:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path
