"""A resumable trainer: warm-up, cosine to zero, running average of the weights.

Everything that decides a step follows from the sample counter, so that a training cut into many runs, on whatever
machines, takes the same steps as one that was never stopped.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.network.checkpoint import load_state, save_state

Batch = dict[str, Tensor]
Terms = dict[str, float]
LossFunction = Callable[[nn.Module, Batch], dict[str, Tensor]]
Listener = Callable[[int, Terms], None]
PROGRESS = "progress.jsonl"


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes
    ----------
    samples : int
        The learning rate reaches zero when this many have been seen. A later run may say another number.
    peak_rate : float
        Learning rate after the warm-up.
    warm_up : float
        Share of the samples.
    weight_decay : float
    average_decay : float
        Of the running average per step, which is what is evaluated and exported.
    """

    samples: int
    peak_rate: float = 2e-3
    warm_up: float = 0.02
    weight_decay: float = 1e-3
    average_decay: float = 0.995

    def rate(self, seen: int) -> float:
        """Learning rate after this many samples."""
        share = min(seen / self.samples, 1.0)
        if share < self.warm_up:
            return self.peak_rate * (share + 0.01) / (self.warm_up + 0.01)
        return self.peak_rate * 0.5 * (1.0 + math.cos(math.pi * (share - self.warm_up) / (1.0 - self.warm_up)))


@dataclass(frozen=True)
class Limits:
    """When one run of a training stops or saves; what it computes does not depend on them.

    Attributes
    ----------
    seconds : float
        Of this run.
    checkpoint_s : float
    stopped : callable
        Asked after every step.
    """

    seconds: float = math.inf
    checkpoint_s: float = 120.0
    stopped: Callable[[], bool] = lambda: False


class Trainer:
    """Trains one network; ``folder`` holds its state (``checkpoint``) and ``progress.jsonl``."""

    def __init__(
        self, network: nn.Module, loss: LossFunction, schedule: Schedule, folder: Path, device: str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(schedule.average_decay), use_buffers=True
        )
        self.loss, self.schedule, self.folder = loss, schedule, folder
        self.optimiser = torch.optim.AdamW(network.parameters(), weight_decay=schedule.weight_decay)
        self.images = 0
        self._resume()

    def _resume(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if state := load_state(self.folder):
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            torch.set_rng_state(state["random"])
            self.images = state["images"]
        _forget_after(self.folder / PROGRESS, self.images)

    def save(self) -> None:
        """Write the whole state."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "images": self.images,
        }
        save_state(self.folder, state)

    def run(self, batches: Iterable[Batch], limits: Limits, listener: Listener = lambda images, terms: None) -> None:
        """Train until the schedule's end or a limit, then save."""
        self.network.train()
        started = saved = time.monotonic()
        for batch in batches if self.images < self.schedule.samples else ():
            terms = self.step(batch)
            self._note(terms)
            listener(self.images, terms)
            now = time.monotonic()
            if self.images >= self.schedule.samples or now - started > limits.seconds or limits.stopped():
                break
            if now - saved > limits.checkpoint_s:
                self.save()
                saved = now
        self.save()

    def step(self, batch: Batch) -> Terms:
        """One optimiser step."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.images)
        terms = self.loss(self.network, {name: part.to(self.device) for name, part in batch.items()})
        self.optimiser.zero_grad()
        terms["total"].backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.images += len(batch["image"])
        return {name: round(float(term.detach()), 5) for name, term in terms.items()}

    def _note(self, terms: Terms) -> None:
        with (self.folder / PROGRESS).open("a") as file:
            file.write(json.dumps({"images": self.images, **terms}) + "\n")


def _forget_after(progress: Path, images: int) -> None:
    """Drop the records of steps that were taken after the state was saved: they are taken again."""
    if progress.exists():
        lines = progress.read_text().splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["images"] <= images]
        progress.write_text("".join(kept))
