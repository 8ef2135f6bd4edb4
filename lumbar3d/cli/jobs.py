"""``submit``, ``list``, ``status``, ``wait``, ``download``, ``cancel``, ``erase``: a job at a service, over REST."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.cli.console import describe, note, progress_bar
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.cli.options import (
    DEFAULT_SERVER,
    ApArgument,
    FormatOption,
    FrameOption,
    GeometryOption,
    JobArgument,
    KeyOption,
    LatArgument,
    MethodOption,
    RefineOption,
    RoomArgument,
    ServerOption,
    SexOption,
    checked_formats,
    require_one_room,
)
from lumbar3d.client import JobsClient
from lumbar3d.contracts import JobState, JobStatus, ReconstructOptions


def submit(
    ap: ApArgument,
    lat: LatArgument,
    calibration: RoomArgument = None,
    method: MethodOption = "gauss_newton",
    refine_geometry: RefineOption = False,
    geometry: GeometryOption = "calibration",
    sex: SexOption = None,
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send two radiographs; print the job id."""
    require_one_room(calibration, geometry)
    options = ReconstructOptions(method=method, geometry=geometry, refine_geometry=refine_geometry, sex=sex)
    with JobsClient(server, api_key) as client:
        job = client.submit((ap, lat), calibration, options)
    show(job.id, job.model_dump(mode="json"), as_json)
    note(f"result page: {client.page(job.id)}")


def list_jobs(
    state: Annotated[JobState | None, typer.Option(help="of this state alone")] = None,
    search: Annotated[str | None, typer.Option(help="how a reference begins, or the id of a job")] = None,
    limit: Annotated[int, typer.Option(min=1, help="so many at most")] = 20,
    everybody: Annotated[bool, typer.Option("--all", help="of all clients; needs the role admin")] = False,
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first: id, when it was sent, state."""
    wanted = {"state": state.value if state else None, "q": search, "all": "true" if everybody else None}
    with JobsClient(server, api_key) as client:
        found = client.jobs(limit, **{name: value for name, value in wanted.items() if value is not None})
    lines = (f"{job.id}  {job.created_at}  {_ended(job)}" for job in found)
    if found or as_json:
        show("\n".join(lines), {"jobs": [job.model_dump(mode="json") for job in found]}, as_json)


def _ended(job: JobStatus) -> str:
    return f"{job.state.value} ({job.error.code})" if job.error else job.state.value


def status(
    job: JobArgument,
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the state of a job."""
    with JobsClient(server, api_key) as client:
        found = client.status(job)
    error = f": {found.error.detail or found.error.title} ({found.error.code})" if found.error else ""
    words = f"{found.state.value} {round(100 * found.progress)} % {describe(found)}{error}"
    show(words, found.model_dump(mode="json"), as_json)


def wait(
    job: JobArgument,
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait for the end of a job, with progress on stderr; exit status 3 when it has no result."""
    with JobsClient(server, api_key) as client, progress_bar() as on_status:
        found = client.wait(job, on_status)
    show(found.state.value, found.model_dump(mode="json"), as_json)
    require_result(found)


def download(
    job: JobArgument,
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="folder; made where missing")],
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
    formats: FormatOption = None,
    frame: FrameOption = "srs",
    as_json: JsonOption = False,
) -> None:
    """Save result, meshes, scene, outlines and pictures of a finished job; print their paths."""
    chosen = checked_formats(formats)
    with JobsClient(server, api_key) as client:
        paths = client.download(job, folder, chosen, frame)
    files = [str(path) for path in paths]
    show("\n".join(files), {"files": files}, as_json)


def cancel(
    job: JobArgument,
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a job that has not ended; print its state."""
    with JobsClient(server, api_key) as client:
        found = client.cancel(job)
    show(found.state.value, found.model_dump(mode="json"), as_json)


def erase(
    job: JobArgument, server: ServerOption = DEFAULT_SERVER, api_key: KeyOption = None, as_json: JsonOption = False
) -> None:
    """Erase a job with its images and results, stopping it first where it still runs; print what is gone."""
    with JobsClient(server, api_key) as client:
        gone = client.erase(job)
    show(gone, {"erased": gone.split(", ")}, as_json)


def require_result(status: JobStatus) -> None:
    """End with status 3 unless the job succeeded.

    Raises
    ------
    CliError
        The job was rejected, failed or was cancelled.
    """
    if status.state == JobState.SUCCEEDED:
        return
    reason = f": {status.error.detail or status.error.title} ({status.error.code})" if status.error else ""
    raise CliError(f"the job was {status.state.value}{reason}".replace("was failed", "failed"), Exit.NO_RESULT)
