"""What is taken from a training folder: its average network, how long it has learned, a start for another training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.network.checkpoint import load_state, save_state

PREFIX = "module."
"""Of the averaged weights' names."""


def begin_from(source: Path, folder: Path, network: nn.Module) -> None:
    """Start a training with the average of another one's weights and its optimiser's moments, its counter at zero.

    For going on with other films. ``network`` may have more outputs than the one of ``source``: what is new keeps the
    weights that it has in ``network``. A training that has begun already is left alone.

    Raises
    ------
    FileNotFoundError
        ``source`` holds no complete state.
    """
    if load_state(folder) is not None:
        return
    state = _state(source)
    fresh = network.state_dict()
    weights = {name: _grown(old, fresh[name]) for name, old in _average(state).items()}
    average = {
        name: _grown(old, fresh[name.removeprefix(PREFIX)]) if name.startswith(PREFIX) else old
        for name, old in state["average"].items()
    }
    parameters = list(network.parameters())
    moments = {
        number: {
            name: _grown(old, torch.zeros_like(parameters[number])) if old.dim() else old for name, old in own.items()
        }
        for number, own in state["optimiser"]["state"].items()
    }
    optimiser = {**state["optimiser"], "state": moments}
    save_state(folder, {**state, "network": weights, "average": average, "optimiser": optimiser, "images": 0})


def _grown(old: Tensor, fresh: Tensor) -> Tensor:
    """``fresh`` with its first rows replaced by ``old``."""
    if old.shape == fresh.shape:
        return old
    out = fresh.clone()
    out[: len(old)] = old
    return out


def images_seen(folder: Path) -> int:
    """How many samples a training has seen."""
    state = load_state(folder)
    return int(state["images"]) if state else 0


def average_network(network: nn.Module, folder: Path) -> nn.Module:
    """Load the running average of a training folder into ``network``, ready to predict.

    Raises
    ------
    FileNotFoundError
        The folder holds no complete state.
    """
    network.load_state_dict(_average(_state(folder)))
    return network.eval()


def _state(folder: Path) -> dict[str, Any]:
    state = load_state(folder)
    if state is None:
        raise FileNotFoundError(f"no training state in {folder}")
    return state


def _average(state: dict[str, Any]) -> dict[str, Tensor]:
    """Running average of the weights and of the batch norms' statistics."""
    return {key.removeprefix(PREFIX): value for key, value in state["average"].items() if key.startswith(PREFIX)}
