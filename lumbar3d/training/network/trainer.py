"""Trainer, resumable: warm-up, cosine to zero, running average of the weights.

Everything that decides a step follows from the sample counter, so that a training cut into many runs, on whatever
machines, takes the same steps as one that was never stopped.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lumbar3d.training.network.checkpoint import load_state, save_state
from lumbar3d.training.network.errors import TrainingDivergedError, TrainingStateError

Batch = dict[str, Tensor]
Terms = dict[str, float]
LossFunction = Callable[[nn.Module, Batch], dict[str, Tensor]]
Listener = Callable[[int, Terms], None]
PROGRESS = "progress.jsonl"
MOST_SKIPPED_IN_A_ROW = 20
FIRST_SHARE = 1e-3
"""The warm-up begins where it would be after this share of the samples: near zero, so that weights which have learned
already survive the optimiser's first moments."""


@dataclass(frozen=True)
class Schedule:
    """Learning-rate schedule and length.

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
            return self.peak_rate * (share + FIRST_SHARE) / (self.warm_up + FIRST_SHARE)
        return self.peak_rate * 0.5 * (1.0 + math.cos(math.pi * (share - self.warm_up) / (1.0 - self.warm_up)))


@dataclass(frozen=True)
class RunLimits:
    """Limits at which one run of a training stops or saves; what it computes does not depend on them.

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
    """Trains one network; ``folder`` holds its state (``checkpoint``) and ``progress.jsonl``.

    ``before`` counts the samples of the trainings whose weights this one began with (``weights.samples_drawn``).
    ``notes`` are kept in the state beside the schedule: what else is to be known of how it was made.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: LossFunction,
        schedule: Schedule,
        folder: Path,
        device: str = "cpu",
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.loss, self.schedule, self.folder = loss, schedule, folder
        fused = self.device.type == "cuda" or None
        self.optimiser = torch.optim.AdamW(network.parameters(), weight_decay=schedule.weight_decay, fused=fused)
        self.images = self.before = self.skipped = self._skipped_in_a_row = 0
        self._recipe, self._source = {**(notes or {}), **asdict(schedule)}, None
        self._resume()

    def _resume(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if state := load_state(self.folder):
            if state["images"] and "optimiser" not in state:
                raise TrainingStateError(f"{self.folder} is a released state: begin another training from it")
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            if "random" in state:
                torch.set_rng_state(state["random"])
            if "optimiser" in state:
                groups = self.optimiser.state_dict()["param_groups"]  # those of the state may be another device's
                self.optimiser.load_state_dict({"state": state["optimiser"]["state"], "param_groups": groups})
            self.images, self.skipped, self._source = state["images"], state.get("skipped", 0), state.get("source")
            self.before = state.get("before", 0)
        _forget_after(self.folder / PROGRESS, self.images)

    def save(self) -> None:
        """Write the whole state."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "images": self.images,
            "before": self.before,
            "skipped": self.skipped,
            "recipe": self._recipe,
            "source": self._source,
        }
        save_state(self.folder, state)

    def run(self, batches: Iterable[Batch], limits: RunLimits, listener: Listener = lambda *_: None) -> None:
        """Train until the schedule's end or a limit, then save.

        Raises
        ------
        TrainingDivergedError
            Many gradients in a row were not finite; the state is the last one that was saved.
        """
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
        """One optimiser step; none where the gradient is not finite."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.images)
        terms = self.loss(self.network, {name: self._moved(part) for name, part in batch.items()})
        self.optimiser.zero_grad()
        terms["total"].backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        *values, length = torch.stack([*(term.detach() for term in terms.values()), norm]).tolist()
        if math.isfinite(length):
            self.optimiser.step()
            self._follow(len(batch["image"]))
            self._skipped_in_a_row = 0
        else:
            self._skip()
        self.images += len(batch["image"])
        return {name: round(value, 5) for name, value in zip(terms, values, strict=True)}

    def _moved(self, part: Tensor) -> Tensor:
        """On the device; a copy from pinned memory lets the device work on meanwhile."""
        return part.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else part

    @torch.no_grad()
    def _follow(self, batch: int) -> None:
        """Let the average follow, sooner in the beginning."""
        steps = self.images / batch
        decay = min(self.schedule.average_decay, (1.0 + steps) / (10.0 + steps))
        torch._foreach_lerp_(_numbers(self.average), _numbers(self.network), 1.0 - decay)

    @torch.no_grad()
    def _skip(self) -> None:
        """Leave the weights alone; the batch norms have seen what is not finite and take the average's statistics."""
        for own, mean in zip(self.network.buffers(), self.average.buffers(), strict=True):
            own.copy_(mean)
        self.skipped += 1
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= MOST_SKIPPED_IN_A_ROW:
            raise TrainingDivergedError(f"the last {MOST_SKIPPED_IN_A_ROW} gradients were not finite")

    def _note(self, terms: Terms) -> None:
        if all(math.isfinite(value) for value in terms.values()):
            with (self.folder / PROGRESS).open("a") as file:
                file.write(json.dumps({"images": self.images, **terms}) + "\n")


def _numbers(network: nn.Module) -> list[Tensor]:
    """Parameters and the batch norms' statistics, without counters."""
    return [part for part in (*network.parameters(), *network.buffers()) if part.is_floating_point()]


def _forget_after(progress: Path, images: int) -> None:
    """Drop the records of steps that were taken after the state was saved: they are taken again."""
    progress.touch()
    lines = progress.read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["images"] <= images]
    progress.write_text("".join(kept))
