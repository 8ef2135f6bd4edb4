"""One round of chaos: accepted jobs under faults on a fresh deployment, and what has become of them.

Clients submit with idempotency keys and repeat until they are answered 202. Faults and submissions go hand in hand:
each fault lets as many jobs in as are its share, half of them before it and half with it, and strikes when one runs.
So no fault is spent on a deployment without work, and a round takes as long as its machine needs. Then everything is
counted in the job table, in the audit, in the store and over HTTP.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from benchmarks.chaos_world import PATIENCE_S, World, world
from benchmarks.processes import wait_until
from lumbar3d.jobs.bundles import MANIFEST
from lumbar3d.jobs.errors import BundleLostError
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.jobs.schema import AUDIT, JOBS
from lumbar3d.jobs.table import UNFINISHED
from tests.conftest import calibration_document
from tests.tiny_engine import grey_png

CLIENTS = 4
REPEATED = 0.2
"""Share of the accepted submissions that are sent once more, as after a lost answer."""
PAUSE_S = (0.0, 0.6)
"""From the moment at which a job runs to the fault: it meets a claim, the engine, or a commit."""
MEETS_S = 60.0
"""A fault waits so long for the share of the one before to be accepted, and for a job that runs."""
AGAIN_S = 0.2
SERVED_EVERY = 10
"""Results asked for over HTTP; of all of them the files are compared with their hashes."""


class Clients:
    """Submit jobs until they are accepted.

    Parameters
    ----------
    deployment : World
    count, seed : int
    """

    def __init__(self, deployment: World, count: int, seed: int) -> None:
        image, document = grey_png(1024, 1024), json.dumps(calibration_document()).encode()
        self._files = {"ap": ("ap", image), "lat": ("lat", image), "calibration": ("c", document)}
        self._world, self._random = deployment, random.Random(seed)
        self._turns = iter(range(count))
        self._lock = threading.Lock()
        self._let_in = threading.Semaphore(0)
        self.acknowledged: dict[str, str] = {}
        self.doubled: list[str] = []
        self.answers: Counter[str] = Counter()

    def run(self) -> None:
        """Submit all, as they are let in."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            for done in [pool.submit(self._one_client) for _ in range(CLIENTS)]:
                done.result()

    def let_in(self, count: int) -> None:
        """Let so many more be submitted."""
        if count:
            self._let_in.release(count)

    def _one_client(self) -> None:
        with httpx.Client(timeout=10.0) as http:
            while (turn := self._next()) is not None:
                self._let_in.acquire()
                key = f"chaos-{turn}"
                self.acknowledged[key] = self._accepted(http, key)
                if self._random.random() < REPEATED and self._accepted(http, key) != self.acknowledged[key]:
                    self.doubled.append(key)

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
            time.sleep(AGAIN_S)
        raise TimeoutError("a submission was never accepted")


def one_round(folder: Path, jobs: int, faults: int, seed: int) -> dict[str, Any]:
    """Figures of one round.

    Parameters
    ----------
    folder : Path
        Empty; everything of the deployment lies in it.
    jobs, faults, seed : int
    """
    started_s = time.monotonic()
    with world(folder) as deployment:
        ready_s = time.monotonic()
        clients = Clients(deployment, jobs, seed)
        drawn = drawn_faults(sorted(deployment.faults()), faults, random.Random(seed))
        submitting = threading.Thread(target=clients.run)
        submitting.start()
        try:
            struck = _strike(deployment, clients, drawn, shares(jobs, faults), random.Random(seed + 1))
        finally:
            clients.let_in(jobs)  # whoever still waits
        submitting.join()
        over_s = time.monotonic()
        counted = _count(deployment, clients, struck)
        parts_s = {"start": ready_s - started_s, "faults": over_s - ready_s, "rest": time.monotonic() - over_s}
    return {
        "seed": seed,
        "jobs": jobs,
        "database": deployment.database,
        "faults": dict(Counter(drawn)),
        "answers": dict(clients.answers),
        **counted,
        "seconds": round(time.monotonic() - started_s, 1),
        "parts_s": {name: round(seconds, 1) for name, seconds in parts_s.items()},
    }


def shares(jobs: int, faults: int) -> list[int]:
    """How many jobs come with each fault, and how many after the last; together all."""
    ends = [round(jobs * part / (faults + 1)) for part in range(faults + 2)]
    return [end - begin for begin, end in itertools.pairwise(ends)]


def drawn_faults(names: list[str], count: int, random_: random.Random) -> list[str]:
    """Each kind equally often, as far as the count allows, in random order."""
    drawn = list(itertools.islice(itertools.cycle(random_.sample(names, len(names))), count))
    random_.shuffle(drawn)
    return drawn


def _strike(
    deployment: World, clients: Clients, drawn: list[str], share: list[int], random_: random.Random
) -> list[tuple[float, list[str]]]:
    """One fault after the other; for each its time and the jobs that were running."""
    struck, kinds, due = [], deployment.faults(), 0
    for name, count in zip(drawn, share[:-1], strict=True):
        accepted = due
        due += count
        clients.let_in(count - count // 2)

        def meets(accepted: int = accepted) -> bool:
            deployment.restart_what_ended()
            return len(clients.acknowledged) >= accepted and bool(deployment.running())

        with suppress(TimeoutError):
            wait_until(meets, "nothing runs", MEETS_S)
        time.sleep(random_.uniform(*PAUSE_S))
        struck.append((time.time(), deployment.running()))
        clients.let_in(count // 2)
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
