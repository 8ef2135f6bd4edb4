"""Remarks and progress of commands, on stderr; events of commands that run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lumbar3d.answers import line
from lumbar3d.contracts import JobState, JobStatus

StatusCallback = Callable[[JobStatus], None]
STAGES = {
    "read": "reading the images",
    "detect": "finding the vertebrae",
    "initialise": "placing the models",
    "register": "fitting shape and pose",
    "measure": "measuring",
    "export": "writing the files",
}


def note(text: str) -> None:
    """A remark, on stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


def tell(text: str, event: Mapping[str, object], as_json: bool) -> None:
    """What has happened in a command that runs on: a remark for a person, or one line of JSON on stdout."""
    if as_json:
        line(event)
    else:
        note(text)


def describe(status: JobStatus) -> str:
    """A job in a few words."""
    if status.state == JobState.QUEUED:
        place = f", place {status.queue_position}" if status.queue_position else ""
        return f"waiting in the queue{place}"
    if status.state == JobState.RUNNING and status.stage is not None:
        return STAGES[status.stage.value]
    return status.state.value


@contextmanager
def progress_bar() -> Iterator[StatusCallback]:
    """Give a callback that shows one overall progress on stderr: a bar on a terminal, a line a stage elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _LinePrinter()
        return
    columns = (TextColumn("{task.description:<30}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("waiting", total=1.0)
        yield lambda status: bar.update(task, completed=status.progress, description=describe(status))


class _LinePrinter:
    """For logs and pipes: a line when the description changes."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, status: JobStatus) -> None:
        text = describe(status)
        if text != self._last:
            self._last = text
            note(f"{round(100 * status.progress):3d} %  {text}")
