"""``lumbar3d train``: the networks, on simulated films, in as many runs as it takes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lumbar3d.answers import JsonOption, show

if TYPE_CHECKING:
    from lumbar3d.training.network.trainer import Terms

app = typer.Typer(help="Train the networks on simulated films.", no_args_is_help=True, rich_markup_mode=None)

Folder = Annotated[Path, typer.Argument(file_okay=False, help="training state, progress.jsonl, losses.png")]
Samples = Annotated[int | None, typer.Option(min=1, help="samples at which the training ends, all runs together")]
Minutes = Annotated[float, typer.Option(min=0.0, help="at most, of this run; a later one goes on")]
Workers = Annotated[
    int, typer.Option(min=0, show_default="one core less than there are", help="processes that simulate films")
]
Device = Annotated[Literal["cpu", "cuda"], typer.Option(help="where to compute, in bfloat16; the batch follows")]
Source = Annotated[
    Path | None,
    typer.Option("--from", exists=True, help="begin with the weights of a training, a release or a state_dict.npz"),
]
Threads = Annotated[int, typer.Option(min=1, help="of a training step on a CPU")]
Surroundings = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="folder with real trunks and pelves; none: all are invented"),
]
WORKERS = max((os.cpu_count() or 2) - 1, 1)
REPORT_S = 30.0


@app.command()
def coarse(
    folder: Folder,
    samples: Samples = None,
    minutes: Minutes = 1e6,
    workers: Workers = WORKERS,
    device: Device = "cpu",
    source: Source = None,
    threads: Threads = 1,
    surroundings: Surroundings = None,
    as_json: JsonOption = False,
) -> None:
    """Train the network that reads a whole film."""
    from lumbar3d.training.network.samples import CoarseBlocks
    from lumbar3d.training.network.train import COARSE, Run, train

    run = Run(folder, samples or COARSE.samples, minutes, workers, device, source, threads)
    seen = train(COARSE, CoarseBlocks(surroundings), run, Report(folder, run.samples))
    _finish(folder, seen, run.samples, as_json)


@app.command()
def refiner(
    folder: Folder,
    first: Annotated[Path, typer.Option("--coarse", exists=True, help="training folder of the first network")],
    samples: Samples = None,
    minutes: Minutes = 1e6,
    workers: Workers = WORKERS,
    device: Device = "cpu",
    source: Source = None,
    threads: Threads = 1,
    surroundings: Surroundings = None,
    as_json: JsonOption = False,
) -> None:
    """Train the network that looks at single vertebrae, on what the first one says of films that it has not seen."""
    from lumbar3d.training.network.refiner_samples import CropBlocks
    from lumbar3d.training.network.train import REFINER, Run, train

    run = Run(folder, samples or REFINER.samples, minutes, workers, device, source, threads)
    seen = train(REFINER, CropBlocks(first, surroundings), run, Report(folder, run.samples))
    _finish(folder, seen, run.samples, as_json)


@app.command()
def release(
    run: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="folder of a training")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="empty folder: the state without the optimiser's")],
    as_json: JsonOption = False,
) -> None:
    """Write a training's state for others to begin with (--from), and its checksums in release.json."""
    from lumbar3d.training.network.release import RECORD
    from lumbar3d.training.network.release import release as write

    files = [str(out / name) for name in (*write(run, out)["files"], RECORD)]
    show("\n".join(files), {"files": files}, as_json)


class Report:
    """A line of mean losses every ``REPORT_S`` seconds on stderr, and the picture of all losses."""

    def __init__(self, folder: Path, samples: int) -> None:
        self._folder, self._samples, self._sums, self._steps = folder, samples, dict[str, float](), 0
        self._since: tuple[float, int] | None = None

    def __call__(self, images: int, terms: Terms) -> None:
        """Take note of a step."""
        from lumbar3d.training.network.plot_losses import draw

        self._since = self._since or (time.monotonic(), images)
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in terms.items()}
        self._steps += 1
        passed = time.monotonic() - self._since[0]
        if passed > REPORT_S:
            means = "  ".join(f"{name} {value / self._steps:.4f}" for name, value in self._sums.items())
            rate = (images - self._since[1]) / passed
            left = max(self._samples - images, 0) / rate / 60 if rate else float("inf")
            typer.echo(f"{images} of {self._samples}  {rate:.1f} /s  {left:.0f} min left  {means}", err=True)
            draw(self._folder, self._folder / "losses.png")
            self._sums, self._steps, self._since = {}, 0, (time.monotonic(), images)


def _finish(folder: Path, seen: int, samples: int, as_json: bool) -> None:
    from lumbar3d.training.network.plot_losses import draw

    draw(folder, folder / "losses.png")
    state = "complete" if seen >= samples else "to be continued: run the same command again"
    show(f"{seen} of {samples} samples: {state}", {"samples": seen, "of": samples, "state": state}, as_json)


if __name__ == "__main__":
    app()
