"""Released training state for others to begin with: weights, average, counters, recipe and where they come from.

The optimiser's moments stay behind. ``release.json`` beside the state names its files with their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from lumbar3d import __version__
from lumbar3d.training.network.checkpoint import load_state, newest_pieces, save_state
from lumbar3d.training.network.errors import TrainingStateError

RECORD = "release.json"
_KEPT = ("network", "average", "images", "before", "skipped", "recipe", "source")


def release(folder: Path, out: Path) -> dict[str, Any]:
    """Write the state of a training folder into an empty one; returns what ``release.json`` says.

    Raises
    ------
    TrainingStateError
        ``folder`` holds no complete state, or there is something in ``out``.
    """
    state = load_state(folder)
    if state is None:
        raise TrainingStateError(f"no training state in {folder}")
    if out.exists() and any(out.iterdir()):
        raise TrainingStateError(f"{out} is not empty")
    save_state(out, {name: state[name] for name in _KEPT if name in state})
    record = {
        "samples": state["images"],
        "samples_before": state.get("before", 0),
        "skipped_steps": state.get("skipped", 0),
        "recipe": state.get("recipe"),
        "source": state.get("source"),
        "made_with": {"lumbar3d": __version__, "torch": torch.__version__},
        "licence": "Apache-2.0",
        "files": {path.name: {"bytes": path.stat().st_size, "sha256": _digest(path)} for path in newest_pieces(out)},
    }
    (out / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    return record


def check_release(folder: Path) -> None:
    """Compare the files of a released state with its record; other folders pass.

    Raises
    ------
    TrainingStateError
        A file is missing or was changed.
    """
    path = folder / RECORD
    for name, said in json.loads(path.read_text())["files"].items() if path.exists() else ():
        if not (folder / name).exists() or _digest(folder / name) != said["sha256"]:
            raise TrainingStateError(f"{folder / name} is missing or is not what {RECORD} says")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
