"""Checkpoints of a training, in files of less than 16 MiB, replaced in one step and read back bit for bit.

A state is one ``torch.save`` stream cut into pieces ``state-<images>.<piece>of<pieces>``. The pieces of a new state are
written beside the old ones, which go only when the new set is complete; an interrupted write leaves the old set.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import torch

PIECE_BYTES = 15 * 2**20
_PIECE = re.compile(r"state-(\d+)\.(\d+)of(\d+)")


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write a state, named after its sample counter ``state["images"]``, then remove older ones."""
    stream = io.BytesIO()
    torch.save(state, stream)
    data = stream.getbuffer()
    pieces = [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)]
    names = [f"state-{state['images']:010d}.{k + 1}of{len(pieces)}" for k in range(len(pieces))]
    folder.mkdir(parents=True, exist_ok=True)
    for name, piece in zip(names, pieces, strict=True):
        unfinished = folder / f"{name}.tmp"
        unfinished.write_bytes(piece)
        unfinished.replace(folder / name)
    for path in folder.iterdir():
        if _PIECE.match(path.name) and path.name not in names:
            path.unlink()


def newest_pieces(folder: Path) -> list[Path]:
    """The files of the newest complete state of a folder, in order; none where there is none."""
    sets: dict[tuple[int, int], dict[int, Path]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := _PIECE.fullmatch(path.name):
            images, piece, pieces = (int(number) for number in match.groups())
            sets.setdefault((images, pieces), {})[piece] = path
    complete = [key for key, found in sets.items() if len(found) == key[1]]
    return [path for _, path in sorted(sets[max(complete)].items())] if complete else []


def load_state(folder: Path) -> dict[str, Any] | None:
    """The newest complete state of a folder; None where there is none."""
    pieces = newest_pieces(folder)
    if not pieces:
        return None
    data = b"".join(path.read_bytes() for path in pieces)
    state: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    return state
