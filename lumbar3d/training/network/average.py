"""Mean of several stages of one training: ``python -m lumbar3d.training.network.average RUN RUN ... --out FOLDER``.

Stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407): stages of one training lie around one optimum,
their mean nearer to its middle. What is averaged are the running averages, with the batch norms' statistics.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from lumbar3d.training.network.checkpoint import save_state
from lumbar3d.training.network.errors import TrainingStateError
from lumbar3d.training.network.weights import Weights, origin, stage


def averaged(folders: Sequence[Path], out: Path) -> None:
    """Write the mean as a state that can be exported, released and begun from; its counter is the last stage's.

    Raises
    ------
    TrainingStateError
        A folder holds no complete state, or another network's; or there is something in ``out``.
    """
    if out.exists() and any(out.iterdir()):
        raise TrainingStateError(f"{out} is not empty")
    stages = [stage(folder) for folder in folders]
    weights = [state["average"] for state in stages]
    if any(_shapes(each) != _shapes(weights[0]) for each in weights):
        raise TrainingStateError("these are not stages of one training: their networks differ")
    mean = {name: _mean([each[name] for each in weights]) for name in weights[0]}
    sources = [origin(folder, state) for folder, state in zip(folders, stages, strict=True)]
    kept = {name: stages[-1].get(name) for name in ("images", "skipped", "recipe")}
    save_state(out, {"network": mean, "average": mean, **kept, "source": {"mean_of": sources}})


def _shapes(weights: Weights) -> dict[str, torch.Size]:
    return {name: part.shape for name, part in weights.items()}


def _mean(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Of floating-point parts; a counter is the last one's."""
    return torch.stack(list(parts)).mean(dim=0) if parts[0].is_floating_point() else parts[-1]


def main() -> None:
    """Parse the command line, average, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of trainings or released states, the last one last")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    averaged(arguments.runs, arguments.out)


if __name__ == "__main__":
    main()
