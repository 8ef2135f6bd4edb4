"""Films on disk between their arrival and the end of their job, for the owner only."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


class Spool:
    """A folder of the bridge.

    Parameters
    ----------
    folder : Path
        Made where missing.
    """

    def __init__(self, folder: Path) -> None:
        self._films, self._calibrations = folder / "films", folder / "calibrations"
        for each in (folder, self._films, self._calibrations):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)

    def film(self, sop: str) -> Path:
        """Where the file of an instance lies; the name tells nothing of it."""
        return self._films / f"{hashlib.sha256(sop.encode()).hexdigest()[:32]}.dcm"

    def keep_film(self, sop: str, content: bytes) -> Path:
        """Write a film durably; it appears whole or not at all."""
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
