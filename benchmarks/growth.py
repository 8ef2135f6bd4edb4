"""Costs that must not grow, and how others do: ``python -m benchmarks.growth``.

A job table of SQLite with 10, 10 000 and 1 000 000 examinations: processor time of what clients and workers ask of it,
and the statements for which the database walks through a whole table or sorts (``EXPLAIN QUERY PLAN`` of every
statement that was really sent). The same for a queue of 1, 100 and 500 jobs. Then a pair of films of 512 to 4096 pixels
a side (the demonstration's, resampled): reading it, codecs included, and writing the films that are kept. Writes
``benchmarks/results/growth.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import event, text

from benchmarks.machine import describe
from benchmarks.records import write
from lumbar3d.contracts import VIEWS, Calibration
from lumbar3d.evidence import write_evidence
from lumbar3d.imaging.codec_server import SERVERS
from lumbar3d.imaging.pair import read_pair
from lumbar3d.jobs import listing
from lumbar3d.jobs.claims import Claims, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.listing import Filter
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable, QueueLimits, Submission

DEMO = Path(__file__).resolve().parents[1] / "demo"
ROWS = (10, 10_000, 1_000_000)
QUEUES = (1, 100, 500)
QUEUE_ROWS = 10_000
SIDES_PX = (512, 1024, 2048, 4096)
OWNERS = 20
REPEATS = 20
PAIRS = 2
WALKS = ("SCAN jobs", "USE TEMP B-TREE FOR ORDER")
"""Steps of a plan that go through all rows, or sort."""
Costs = dict[str, float]
"""Milliseconds of processor time by what was done."""

FILL = """
INSERT INTO jobs (id, owner, state, progress, attempt, version, calibration, options, cancel_requested, available_s,
                  place, created_s, updated_s, finished_s, published_s, revision, result_bundle, review_state)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
SELECT printf('%08x-0000-4000-8000-%012x', i * 2654435761 % 4294967296, i), 'client-' || (i % :owners),
       iif(i > :rows - :queued, 'queued', 'succeeded'), 1.0, 1, 3, '{}', '{}', 0, :now, i, :now + i * 1e-3,
       :now + i * 1e-3, iif(i > :rows - :queued, NULL, :now + i * 1e-3), :now, 1, 'artifacts/x', 'unreviewed' FROM n
"""
"""Calibrations are left out: they lie beside what is searched."""


@dataclass
class Statements:
    """Statements that were sent, with the parameters of the last time."""

    sent: dict[str, Any]

    def plans(self, database: Database) -> set[str]:
        """Steps of SQLite's plans for what was sent."""
        found: set[str] = set()
        with database.read() as connection:
            for statement, parameters in list(self.sent.items()):
                if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
                    plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters).all()
                    found |= {str(row[-1]) for row in plan}
        return found


@contextmanager
def listened(database: Database) -> Iterator[Statements]:
    """Every statement that is sent meanwhile."""
    statements = Statements({})

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        statements.sent[statement] = parameters

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def table(folder: Path, rows: int, queued: int) -> Database:
    """A job table of so many examinations, the last ones waiting."""
    database = Database(f"sqlite:///{folder}/jobs-{rows}-{queued}.db")
    database.create_tables()
    with database.write() as connection:
        told = {"rows": rows, "queued": queued, "owners": OWNERS, "now": time.time() - 3600.0}
        connection.execute(text(FILL), told)
    return database


def asked(database: Database) -> tuple[Costs, dict[str, list[str]]]:
    """Cost of each question and change, and what of it walks through the table."""
    jobs, lease = JobTable(database, QueueLimits(10**9, 10**9)), LeasePolicy()
    claims, sweeper = Claims(database, lease), Sweeper(database, lease, SweepPolicy())
    newest = listing.page(database, Filter(None), None, 1)[0][0]
    owner = str(newest.owner)
    work: Mapping[str, Callable[[], object]] = {
        "status of a job": lambda: jobs.get(newest.id, owner),
        "status and place in the queue": lambda: jobs.look(newest.id, owner),
        "submit": lambda: jobs.submit(Submission(str(uuid.uuid4()), owner, None, "", "{}", "{}")),
        "claim the next": claims.claim_next,
        "first page of the list": lambda: listing.page(database, Filter(owner), None, 50),
        "expired leases": sweeper.release_expired,
        "results past their time": sweeper.erase_old,
    }
    costs, walks = {}, {}
    for name, act in work.items():
        with listened(database) as statements:
            act()
        begun_s = time.process_time()
        for _ in range(REPEATS):
            act()
        costs[name] = 1000.0 * (time.process_time() - begun_s) / REPEATS
        walks[name] = sorted(step for step in statements.plans(database) if step.startswith(WALKS))
    return costs, walks


def enlarged(side_px: int, folder: Path) -> tuple[tuple[Path, Path], Calibration]:
    """The demonstration pair with other pixels of the same detectors, and its calibration."""
    document = json.loads((DEMO / "calibration.json").read_text())
    paths = []
    for view in VIEWS:
        told = document[view]
        spacing = np.array(told["pixel_spacing_mm"]) * [told["columns"] / side_px, told["rows"] / side_px]
        shift = (spacing - told["pixel_spacing_mm"]) / 2  # pixel (0, 0) is given by its centre
        axes = np.array([told["detector_u_axis"], told["detector_v_axis"]])
        told["detector_origin_mm"] = (np.array(told["detector_origin_mm"]) + shift @ axes).tolist()
        told |= {"pixel_spacing_mm": spacing.tolist(), "columns": side_px, "rows": side_px}
        film = Image.open(DEMO / f"{view}.png").convert("I").resize((side_px, side_px), Image.Resampling.BICUBIC)
        paths.append(folder / f"{view}-{side_px}.png")
        Image.fromarray(np.clip(np.asarray(film), 0, 65535).astype(np.uint16)).save(paths[-1], compress_level=1)
    return (paths[0], paths[1]), Calibration.model_validate(document)


def films(side_px: int, folder: Path) -> Costs:
    """Cost of reading a pair, its codecs included, and of writing its films."""
    paths, calibration = enlarged(side_px, folder)
    read_pair(paths, calibration)
    SERVERS.close()
    begun_s = _with_children_s()
    for _ in range(PAIRS):
        views, _ = read_pair(paths, calibration)
    SERVERS.close()
    read_s = _with_children_s()
    for _ in range(PAIRS):
        write_evidence(views, None, folder)
    written_s = _with_children_s()
    return {"read": 1000.0 * (read_s - begun_s) / PAIRS, "write the films": 1000.0 * (written_s - read_s) / PAIRS}


def _with_children_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def columns(head: str, rows: Mapping[str, Costs]) -> list[str]:
    """A table, one column a size."""
    names = list(next(iter(rows.values())))
    lines = [f"| CPU ms | {' | '.join(f'{size} {head}' for size in rows)} |", "|---" * (1 + len(rows)) + "|"]
    return [*lines, *(f"| {name} | {' | '.join(f'{cost[name]:.2f}' for cost in rows.values())} |" for name in names)]


def markdown(document: Mapping[str, Any]) -> str:
    """The tables and what walks through the job table."""
    walking = {name: steps for name, steps in document["walks"].items() if steps}
    told = [f"- {name}: {'; '.join(steps)}" for name, steps in walking.items()] or ["- nothing"]
    parts = [
        "## What grows",
        "",
        *columns("examinations", document["tables"]),
        "",
        *columns("waiting", document["queues"]),
        "",
        *columns("px", document["films"]),
        "",
        f"SQLite, {OWNERS} owners; statements whose plan at the largest table walks through all rows, or sorts:",
        *told,
        "",
        f"Processor time, means of {REPEATS} (films: {PAIRS} pairs, with their codecs and a share of their server's",
        "start).",
        "",
        *(f"- {name}: {value}" for name, value in document["machine"].items()),
    ]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    tables: dict[str, Costs] = {}
    walks: dict[str, list[str]] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        for rows in ROWS:
            with closing(table(folder, rows, min(rows, 5 * REPEATS))) as database:
                tables[str(rows)], walks = asked(database)
        queues: dict[str, Costs] = {}
        for queued in QUEUES:
            with closing(table(folder, QUEUE_ROWS, queued)) as database:
                queues[str(queued)], _ = asked(database)
        seen = {str(side): films(side, folder) for side in SIDES_PX}
    document: dict[str, Any] = {"tables": tables, "walks": walks, "queues": queues, "films": seen}
    document["machine"] = describe("sqlalchemy", "numpy", "imagecodecs")
    write(arguments.out, "growth", document, markdown(document))


if __name__ == "__main__":
    main()
