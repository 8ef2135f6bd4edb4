"""``audit``: the audit log of this deployment: who submitted, read and erased what, and when."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from lumbar3d.jobs.audit import AuditRow

Form = Literal["text", "csv", "json"]


def audit(
    form: Annotated[Form | None, typer.Option("--format", help="text, csv, or json (an object a line) [text]")] = None,
    since: Annotated[str | None, typer.Option(help="from this day or time on, ISO 8601, UTC")] = None,
    job: Annotated[str | None, typer.Option(help="of one job")] = None,
    actor: Annotated[str | None, typer.Option(help="of one client, of worker, or of sweeper")] = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="into this file")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show or export the audit. It holds ids of jobs and clients, and nothing of a patient.

    --json without --out is --format json; with it, it names the file.
    """
    if as_json and out is None and form not in (None, "json"):
        raise CliError(f"--json or --format {form}: choose one", Exit.USAGE)
    from lumbar3d.cli.serve import load_settings
    from lumbar3d.jobs.audit import read
    from lumbar3d.jobs.database import Database

    with closing(Database(load_settings(None).database)) as database:
        rows = read(database, since_s=_seconds(since), job_id=job, actor=actor)
        if out is None:
            _write(rows, "json" if as_json else form or "text", sys.stdout)
            return
        with out.open("x", newline="") as stream:
            _write(rows, form or "text", stream)
    show(str(out), {"files": [str(out)]}, as_json)


def _write(rows: Iterable[AuditRow], form: Form, stream: TextIO) -> None:
    from lumbar3d.jobs.audit import AuditRow

    names = [field.name for field in fields(AuditRow)]
    table = csv.DictWriter(stream, names)
    if form == "csv":
        table.writeheader()
    for row in rows:
        if form == "csv":
            table.writerow(asdict(row))
        elif form == "json":
            stream.write(json.dumps(asdict(row)) + "\n")
        else:
            stream.write(f"{row.at}  {row.job_id}  {row.actor:<20} {row.event:<16} {row.code or ''}".rstrip() + "\n")


def _seconds(since: str | None) -> float:
    if since is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise CliError("--since is a day or time as in 2026-01-31 or 2026-01-31T08:00", Exit.USAGE) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
