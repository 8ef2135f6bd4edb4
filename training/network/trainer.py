"""A trainer for a wall-clock budget: warm-up, cosine to zero, running average of the weights, resumable."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Batch = dict[str, Tensor]
LossFunction = Callable[[nn.Module, Batch], dict[str, Tensor]]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes
    ----------
    budget_s : float
        Training time; the learning rate follows the time that has passed, so that it always ends at zero.
    peak_rate : float
        Learning rate after the warm-up.
    warm_up : float
        Share of the budget.
    weight_decay : float
    average_decay : float
        Of the running average per step, which is what is evaluated and exported.
    checkpoint_s : float
    """

    budget_s: float
    peak_rate: float = 2e-3
    warm_up: float = 0.02
    weight_decay: float = 1e-3
    average_decay: float = 0.995
    checkpoint_s: float = 120.0

    def rate(self, passed_s: float) -> float:
        """Learning rate after this much training."""
        share = min(passed_s / self.budget_s, 1.0)
        if share < self.warm_up:
            return self.peak_rate * (share + 0.01) / (self.warm_up + 0.01)
        return self.peak_rate * 0.5 * (1.0 + math.cos(math.pi * (share - self.warm_up) / (1.0 - self.warm_up)))


class Trainer:
    """Trains one network; ``folder`` holds ``state.pt`` and ``progress.jsonl``."""

    def __init__(self, network: nn.Module, loss: LossFunction, schedule: Schedule, folder: Path) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(schedule.average_decay), use_buffers=True
        )
        self.loss, self.schedule, self.folder = loss, schedule, folder
        self.optimiser = torch.optim.AdamW(network.parameters(), weight_decay=schedule.weight_decay)
        self.passed_s, self.images = 0.0, 0
        self._resume()

    def _resume(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "state.pt"
        if path.exists():
            state = torch.load(path, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.passed_s, self.images = state["passed_s"], state["images"]

    def save(self) -> None:
        """Write the whole state, then put it in place in one step."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "passed_s": self.passed_s,
            "images": self.images,
        }
        torch.save(state, self.folder / "state.tmp")
        (self.folder / "state.tmp").replace(self.folder / "state.pt")

    def run(self, batches: Iterator[Batch]) -> None:
        """Train until the budget is spent."""
        self.network.train()
        last = saved = time.monotonic()
        while self.passed_s < self.schedule.budget_s:
            terms = self.step(next(batches))
            now = time.monotonic()
            self.passed_s += now - last
            last = now
            self._report(terms)
            if now - saved > self.schedule.checkpoint_s:
                self.save()
                saved = now
        self.save()

    def step(self, batch: Batch) -> dict[str, float]:
        """One optimiser step in bfloat16 autocast."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.passed_s)
        terms = self.loss(self.network, batch)
        self.optimiser.zero_grad()
        terms["total"].backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.images += len(batch["image"])
        return {name: round(float(term.detach()), 5) for name, term in terms.items()}

    def _report(self, terms: dict[str, float]) -> None:
        record = {"passed_s": round(self.passed_s, 1), "images": self.images, **terms}
        with (self.folder / "progress.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")


def average_network(network: nn.Module, folder: Path) -> nn.Module:
    """Load the running average of a training folder into ``network``, ready to predict."""
    state = torch.load(folder / "state.pt", weights_only=True)
    prefix = "module."
    weights = {key.removeprefix(prefix): value for key, value in state["average"].items() if key.startswith(prefix)}
    network.load_state_dict(weights)
    return network.eval()
