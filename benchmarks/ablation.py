"""Ablation of the multi-task network, without fusion or without a task: ``python -m benchmarks.ablation --work DIR``.

Trains variants of the network that reads a whole film from nothing, on the same stored simulated films in the same
order for the same number of steps, and tabulates them on held-out films like the paper's Tables 1-3. Interrupted, it
goes on where it was; the table holds whatever is complete.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.ablation_films import Films, FilmStream, store
from benchmarks.ablation_report import markdown
from benchmarks.ablation_score import Score, score
from benchmarks.machine import describe
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.network.blocks import batches
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.network.trainer import RunLimits, Schedule, Terms, Trainer
from lumbar3d.training.network.variants import VARIANTS
from lumbar3d.training.network.weights import average_network
from lumbar3d.training.radiographs.simulate import Simulator, Variety

FIRST_SEED = 20_000_000
"""Patients that no shipped network was trained or measured on."""
FIRST_HELD_OUT = 700
BATCH, PEAK_RATE = 8, 2e-3
AVERAGE_DECAY = 0.98
"""Of the running average of the weights: of a training so short the usual one would still hold the first steps'."""
PAIRS_PER_PERSON = 4
REPORT_S = 30.0


@dataclass(frozen=True)
class Conditions:
    """The same for all variants.

    Attributes
    ----------
    pairs : int
        Simulated pairs of films; every ``PAIRS_PER_PERSON`` of one person.
    epochs : int
        How often each film is seen.
    held_out : int
        Patients to measure on.
    """

    pairs: int = 500
    epochs: int = 3
    held_out: int = 50

    @property
    def samples(self) -> int:
        """Films seen in a training."""
        return 2 * self.pairs * self.epochs


def prepare(work: Path, conditions: Conditions) -> tuple[Films, Films]:
    """Films to learn from and films to measure on, drawn where they are not there yet.

    Raises
    ------
    ValueError
        ``work`` holds trainings under other conditions.
    """
    record, wanted = work / "conditions.json", asdict(conditions)
    if record.exists() and json.loads(record.read_text()) != wanted:
        raise ValueError(f"{work} was begun with other sizes: {record.read_text()}")
    work.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(wanted))
    models = load_shape_models(AssetStore.open())
    taught, held_out = work / "films", work / "held_out"
    people = Simulator(models, Variety(pairs_per_person=PAIRS_PER_PERSON))
    store(taught, people, range(FIRST_SEED, FIRST_SEED + conditions.pairs))
    store(held_out, Simulator(models), HELD_OUT_SEEDS[FIRST_HELD_OUT : FIRST_HELD_OUT + conditions.held_out])
    return Films(taught), Films(held_out)


class Report:
    """A line of mean losses every ``REPORT_S`` seconds."""

    def __init__(self, label: str, samples: int) -> None:
        self._label, self._samples, self._printed = label, samples, time.monotonic()
        self._totals: list[float] = []

    def __call__(self, images: int, terms: Terms) -> None:
        """Take note of a step."""
        self._totals.append(terms["total"])
        if time.monotonic() - self._printed > REPORT_S:
            mean = sum(self._totals) / len(self._totals)
            print(f"{self._label}: {images} of {self._samples}  total {mean:.4f}", flush=True)
            self._totals, self._printed = [], time.monotonic()


def run(name: str, seed: int, folder: Path, films: tuple[Films, Films], conditions: Conditions) -> Score:
    """Train one variant from one seed's weights, or go on with it, and measure it."""
    record = folder / "score.json"
    if not record.exists():
        variant = VARIANTS[name]
        torch.manual_seed(seed)
        schedule = Schedule(conditions.samples, PEAK_RATE, average_decay=AVERAGE_DECAY)
        trainer = Trainer(variant.network(), variant.loss, schedule, folder)
        stream = batches(FilmStream(films[0], BATCH), BATCH, trainer.images, 0)
        trainer.run(stream, RunLimits(checkpoint_s=60.0), Report(folder.name, conditions.samples))
        measured = score(variant, average_network(variant.network(), folder), films[1])
        record.write_text(json.dumps(measured))
        print(f"{folder.name}: {json.dumps(measured)}", flush=True)
    found: Score = json.loads(record.read_text())
    return found


def main() -> None:
    """Parse the command line, train, measure, write the tables after each training."""
    usual = Conditions()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="films and training states; ignored by git: runs/")
    parser.add_argument("--pairs", type=int, default=usual.pairs)
    parser.add_argument("--epochs", type=int, default=usual.epochs)
    parser.add_argument("--held-out", type=int, default=usual.held_out)
    parser.add_argument("--seeds", type=int, default=2, help="of first weights, for each variant")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/ablation.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    conditions = Conditions(arguments.pairs, arguments.epochs, arguments.held_out)
    films = prepare(arguments.work, conditions)
    scores: dict[str, list[Score]] = {}
    for seed in range(arguments.seeds):
        for name in arguments.variants:
            found = run(name, seed, arguments.work / f"{name}-{seed}", films, conditions)
            scores.setdefault(name, []).append(found)
            report = {**asdict(conditions), "batch": BATCH, "peak_rate": PEAK_RATE, "machine": describe("torch")}
            write(arguments.out, {**report, "scores": scores})


def write(out: Path, report: dict[str, object]) -> None:
    """The JSON file and the Markdown tables beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    out.with_suffix(".md").write_text(markdown(report))


if __name__ == "__main__":
    main()
