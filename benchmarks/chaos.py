"""Accepted jobs under faults, lost or done twice: ``python -m benchmarks.chaos``.

Rounds, each on a fresh deployment (``benchmarks.chaos_world``): clients submit with idempotency keys and repeat until
they are answered 202, while one fault after the other is drawn at random. Then everything is counted in the job table,
in the audit, in the store and over HTTP. Finished rounds are kept in ``--work``, to take a long run up again:
``python -m benchmarks.chaos --rounds 20 --jobs 500 --faults 50 --work DIR`` is 10,000 jobs and 1,000 faults.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from sqlalchemy import func, select

from benchmarks import rounds
from benchmarks.chaos_world import LEASE_S, World, world
from benchmarks.machine import describe
from benchmarks.processes import ROOT, wait_until
from benchmarks.records import write
from lumbar3d.jobs.bundles import MANIFEST
from lumbar3d.jobs.errors import BundleLostError
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.jobs.schema import AUDIT, JOBS
from lumbar3d.jobs.table import UNFINISHED
from tests.conftest import calibration_document
from tests.tiny_engine import grey_png

RESULTS = ROOT / "benchmarks" / "results"
CLIENTS = 4
REPEATED = 0.2
"""Share of the accepted submissions that are sent once more, as after a lost answer."""
PAUSE_S = (0.3, 2.0)
PATIENCE_S = 600.0
WORDS = ("acknowledged", "finished", "still_waiting", "lost", "without_files", "twice", "run_again")
SERVED_EVERY = 10
"""Results asked for over HTTP; of all of them the files are compared with their hashes."""


class Clients:
    """Submit jobs until they are accepted."""

    def __init__(self, deployment: World, count: int, seed: int) -> None:
        image, document = grey_png(1024, 1024), json.dumps(calibration_document()).encode()
        self._files = {"ap": ("ap", image), "lat": ("lat", image), "calibration": ("c", document)}
        self._world, self._random = deployment, random.Random(seed)
        self._turns = iter(range(count))
        self._lock = threading.Lock()
        self.acknowledged: dict[str, str] = {}
        self.doubled: list[str] = []
        self.answers: Counter[str] = Counter()

    def run(self, pace_s: float) -> None:
        """Submit all."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            for done in [pool.submit(self._one_client, pace_s) for _ in range(CLIENTS)]:
                done.result()

    def _one_client(self, pace_s: float) -> None:
        with httpx.Client(timeout=10.0) as http:
            while (turn := self._next()) is not None:
                key = f"chaos-{turn}"
                self.acknowledged[key] = self._accepted(http, key)
                if self._random.random() < REPEATED and self._accepted(http, key) != self.acknowledged[key]:
                    self.doubled.append(key)
                time.sleep(pace_s * self._random.uniform(0.5, 1.5))

    def _next(self) -> int | None:
        with self._lock:
            return next(self._turns, None)

    def _accepted(self, http: httpx.Client, key: str) -> str:
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            url = self._random.choice(self._world.urls)
            try:
                answer = http.post(url + "/reconstruct", files=self._files, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                self.answers["no answer"] += 1
            else:
                self.answers[str(answer.status_code)] += 1
                if answer.status_code == httpx.codes.ACCEPTED:
                    return answer.headers["Location"].rpartition("/")[2]
            time.sleep(0.3)
        raise TimeoutError("a submission was never accepted")


def one_round(folder: Path, jobs: int, faults: int, seed: int) -> dict[str, Any]:
    """Figures of one round."""
    started_s = time.monotonic()
    with world(folder) as deployment:
        clients = Clients(deployment, jobs, seed)
        drawn = _drawn(sorted(deployment.faults()), faults, random.Random(seed))
        pace_s = CLIENTS * faults * (sum(PAUSE_S) / 2.0 + 1.5) / jobs
        submitting = threading.Thread(target=clients.run, args=(pace_s,))
        submitting.start()
        struck = _strike(deployment, drawn, random.Random(seed + 1))
        submitting.join()
        return {
            "seed": seed,
            "database": deployment.database,
            "faults": dict(Counter(drawn)),
            "answers": dict(clients.answers),
            **_count(deployment, clients, struck),
            "seconds": round(time.monotonic() - started_s, 1),
        }


def _drawn(names: list[str], count: int, random_: random.Random) -> list[str]:
    """Each kind equally often, as far as the count allows, in random order."""
    drawn = list(itertools.islice(itertools.cycle(random_.sample(names, len(names))), count))
    random_.shuffle(drawn)
    return drawn


def _strike(deployment: World, drawn: list[str], random_: random.Random) -> list[tuple[float, list[str]]]:
    """One fault after the other; for each its time and the jobs that were running."""
    struck, kinds = [], deployment.faults()
    for name in drawn:
        time.sleep(random_.uniform(*PAUSE_S))
        struck.append((time.time(), deployment.running()))
        kinds[name](random_)
        deployment.restart_what_ended()
    return struck


def _count(deployment: World, clients: Clients, struck: list[tuple[float, list[str]]]) -> dict[str, Any]:
    """What has become of the acknowledged jobs, once all have ended or the patience has."""
    ids = set(clients.acknowledged.values())

    _wait_for_ends(deployment)
    with deployment.engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(select(JOBS))}
        ends = select(AUDIT.c.job_id, func.count().label("times")).where(AUDIT.c.event == "succeeded")
        times = {row.job_id: row.times for row in connection.execute(ends.group_by(AUDIT.c.job_id))}
    waiting = {job_id for job_id in ids if job_id in rows and rows[job_id].state in UNFINISHED}
    finished = {job_id for job_id in ids if job_id in rows and rows[job_id].state == "succeeded"}
    recovered_s = [
        max(0.0, max(rows[job_id].finished_s for job_id in running) - at_s)
        for at_s, running in struck
        if running and finished.issuperset(running)
    ]
    without_files = {job_id for job_id in finished if not _is_whole(deployment.store, rows[job_id].result_bundle)}
    with httpx.Client(timeout=10.0) as http:
        for job_id in sorted(finished)[::SERVED_EVERY]:
            if not _has_result(http, deployment.urls, job_id):
                without_files.add(job_id)
    return {
        "acknowledged": len(clients.acknowledged),
        "finished": len(finished),
        "still_waiting": len(waiting),
        "lost": len(ids - finished - waiting),
        "without_files": len(without_files),
        "twice": sum(times.get(job_id, 0) > 1 for job_id in ids) + len(clients.doubled) + len(rows) - len(ids),
        "run_again": sum(rows[job_id].attempt > 1 for job_id in finished),
        "recovered_s": [round(float(seconds), 2) for seconds in recovered_s],
    }


def _wait_for_ends(deployment: World) -> None:
    """Until all jobs have ended, or none has for the length of the patience: then some are left behind."""
    unfinished = select(func.count()).where(JOBS.c.state.in_(UNFINISHED))

    def left() -> int:
        deployment.restart_what_ended()
        with deployment.engine.connect() as connection:
            return int(connection.execute(unfinished).scalar_one())

    with suppress(TimeoutError):
        while before := left():
            wait_until(lambda before=before: left() < before, "jobs are left", PATIENCE_S)  # type: ignore[misc]


def _is_whole(root: Path, bundle: str) -> bool:
    """Whether every file that its manifest names is there and has its hash."""
    store = LocalStore(root)
    try:
        for name in json.loads((root / bundle / MANIFEST).read_text()):
            store.fetch(bundle, name, root)
    except (OSError, BundleLostError):
        return False
    return True


def _has_result(http: httpx.Client, urls: list[str], job_id: str) -> bool:
    """Whether its files are whole: the service compares them with their hashes."""
    for url in urls * 3:
        with suppress(httpx.TransportError):
            answer = http.get(f"{url}/jobs/{job_id}/result")
            if answer.status_code == httpx.codes.OK:
                return True
        time.sleep(0.5)
    return False


def render(record: dict[str, Any]) -> str:
    """Markdown of the record."""
    machine, total = record["machine"], record["total"]
    lines = [
        "# Faults",
        "",
        f"Made by `{record['command']}` on {machine['processor']}, {machine['cores']} cores, load average "
        f"{record['load_average']}; {record['database']}, Redis without persistence, 2 front ends, 2 Celery workers, "
        f"engine of a third of a second, lease {LEASE_S:.0f} s. Rounds: {len(record['rounds'])}, {record['minutes']} "
        f"minutes in all, seeds {record['rounds'][0]['seed']} to {record['rounds'][-1]['seed']}.",
        "",
        "| | |",
        "|---|---|",
        f"| faults | {total['faults']}: " + ", ".join(f"{n} {kind}" for kind, n in record["kinds"].items()) + " |",
    ]
    lines += [f"| {word.replace('_', ' ')} | {total[word]} |" for word in WORDS]
    lines += [
        f"| from a fault to the end of all jobs that ran at that moment, p50 / p95 / max | "
        f"{' / '.join(str(total['recovery_s'][name]) for name in ('p50', 'p95', 'max'))} s "
        f"({total['recovery_s']['faults']} faults met running jobs) |",
        "| answers to submissions | " + ", ".join(f"{n} x {word}" for word, n in record["answers"].items()) + " |",
        "",
        "`still waiting`: when no job had ended for ten minutes. `twice`: two results committed, two jobs for one "
        "idempotency key, or a job that nobody was told of. The clock is set back by moving the stored times ahead; a "
        "power cut is not among the faults.",
        "",
    ]
    return "\n".join(lines)


def summary(done: list[dict[str, Any]], command: str) -> dict[str, Any]:
    """Record of all rounds."""
    recovered_s = np.array([seconds for each in done for seconds in each["recovered_s"]] or [0.0])
    kinds: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for each in done:
        kinds.update(each["faults"])
        answers.update(each["answers"])
    quantiles = {"p50": 50.0, "p95": 95.0, "max": 100.0}
    recovery_s = {name: round(float(np.percentile(recovered_s, q)), 1) for name, q in quantiles.items()}
    return {
        "command": command,
        "machine": describe("fastapi", "celery", "redis", "sqlalchemy"),
        "database": ", ".join(sorted({each["database"] for each in done})),
        "load_average": round(os.getloadavg()[0], 1),
        "minutes": round(sum(each["seconds"] for each in done) / 60.0, 1),
        "total": {word: sum(each.get(word, 0) for each in done) for word in WORDS}
        | {"faults": kinds.total(), "recovery_s": recovery_s | {"faults": len(recovered_s)}},
        "kinds": dict(sorted(kinds.items())),
        "answers": dict(sorted(answers.items())),
        "rounds": done,
    }


def main() -> None:
    """Run the rounds that are not done yet, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    rounds.add_arguments(parser, "round")
    parser.add_argument("--jobs", type=int, default=300, help="of each round")
    parser.add_argument("--faults", type=int, default=30, help="of each round")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    sizes = f"--jobs {chosen.jobs} --faults {chosen.faults}"
    done = rounds.run(chosen, sizes, lambda seed: _told_round(chosen, seed))
    record = summary(done, f"python -m benchmarks.chaos --rounds {chosen.rounds} {sizes} --seed {chosen.seed}")
    write(chosen.out, "chaos", record, render(record))


def _told_round(chosen: argparse.Namespace, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        found = one_round(Path(folder), chosen.jobs, chosen.faults, seed)
    print(json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    main()
