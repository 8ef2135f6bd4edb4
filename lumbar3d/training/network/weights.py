"""Weights of a training's state: its average network, how long it has learned, a start for another training."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from lumbar3d.training.network.checkpoint import load_state, newest_pieces, save_state
from lumbar3d.training.network.errors import TrainingStateError
from lumbar3d.training.network.release import check_release

State = dict[str, Any]
Weights = dict[str, Tensor]


def begin_from(source: Path, folder: Path, network: nn.Module) -> None:
    """Start a training with another one's average weights, its counter at zero.

    ``network`` may have more outputs than the one of ``source``: what is new keeps the weights that it has in
    ``network``. A training that has begun already is left alone.

    Parameters
    ----------
    source : Path
        Folder of a training, whose optimiser's moments are taken too; of a released state; or a ``.npz`` of a
        ``state_dict``.
    folder : Path
        Of the new training.
    network : torch.nn.Module

    Raises
    ------
    TrainingStateError
        ``source`` holds no complete state, was changed after its release, or is another network's.
    """
    if load_state(folder) is not None:
        return
    state = _loaded(source) if source.suffix == ".npz" else stage(source)
    weights = _fitted(_average(state), network.state_dict(), source)
    begun = {"network": weights, "average": weights, "images": 0, "source": origin(source, state)}
    begun["before"] = samples_drawn(state)
    if "optimiser" in state:
        begun["optimiser"] = _moments(state["optimiser"], network)
    save_state(folder, begun)


def _loaded(path: Path) -> State:
    """Weights in a ``.npz``, as a state."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return {"average": {name: torch.from_numpy(arrays[name]) for name in arrays.files}}
    except (ValueError, EOFError, OSError, BadZipFile) as error:
        raise TrainingStateError(f"{path} cannot be read as weights") from error


def _fitted(old: Weights, fresh: Weights, source: Path) -> Weights:
    """Weights by the names of ``fresh``, grown to its shapes."""
    grows = {name for name in old.keys() & fresh.keys() if _can_grow(old[name], fresh[name])}
    if wrong := sorted((old.keys() | fresh.keys()) - grows):
        raise TrainingStateError(f"{source} is not a state of this network: {wrong[0]} and {len(wrong) - 1} others")
    return {name: _grown(old[name], new) for name, new in fresh.items()}


def _can_grow(old: Tensor, fresh: Tensor) -> bool:
    return old.shape == fresh.shape or (old.dim() > 0 and old.shape[1:] == fresh.shape[1:] and len(old) < len(fresh))


def _grown(old: Tensor, fresh: Tensor) -> Tensor:
    """``fresh`` with its first rows replaced by ``old``."""
    if old.shape == fresh.shape:
        return old
    out = fresh.clone()
    out[: len(old)] = old
    return out


def _moments(optimiser: State, network: nn.Module) -> State:
    """An optimiser's state for the parameters of ``network``; new outputs begin with none."""
    parameters = list(network.parameters())
    grown = {
        number: {
            name: _grown(old, torch.zeros_like(parameters[number])) if old.dim() else old for name, old in own.items()
        }
        for number, own in optimiser["state"].items()
    }
    return {**optimiser, "state": grown}


def origin(source: Path, state: State) -> State:
    """Where weights come from, and where those came from."""
    digest = hashlib.sha256()
    for path in [source] if source.is_file() else newest_pieces(source):
        digest.update(path.read_bytes())
    own = {"name": source.name, "sha256": digest.hexdigest(), "samples": state.get("images")}
    return {**own, "recipe": state.get("recipe"), "source": state.get("source")}


def samples_drawn(state: State) -> int:
    """Samples that a training and those before it have drawn, after which another goes on: none is met twice.

    Older states do not say what they began after; of a mean, the stage that drew most counts.
    """
    source = state.get("source") or {}
    earlier = [source] if "samples" in source else source.get("mean_of", [])
    before = state.get("before", max((samples_drawn(_as_state(each)) for each in earlier), default=0))
    own = 0 if "mean_of" in source else state.get("images") or 0
    return int(before) + own


def _as_state(source: State) -> State:
    """What ``origin`` keeps of a state, as far as counters go."""
    return {"images": source["samples"], "source": source["source"]}


def images_seen(folder: Path) -> int:
    """Number of samples that a training has seen."""
    state = load_state(folder)
    return int(state["images"]) if state else 0


def average_network(network: nn.Module, folder: Path) -> nn.Module:
    """Load the running average of a training or of a released state into ``network``, ready to predict.

    Raises
    ------
    TrainingStateError
        The folder holds no complete state, or it was changed after its release.
    """
    network.load_state_dict(_average(stage(folder)))
    return network.eval()


def stage(folder: Path) -> State:
    """State of a training's folder or of a release.

    Raises
    ------
    TrainingStateError
        The folder holds no complete state, or it was changed after its release.
    """
    check_release(folder)
    state = load_state(folder)
    if state is None:
        raise TrainingStateError(f"no training state in {folder}")
    return state


def _average(state: State) -> Weights:
    """Running average of the weights and of the batch norms' statistics."""
    return dict(state["average"])
