"""A whole deployment on this machine, and the faults that can befall it.

Two front ends, two Celery workers with an engine of a third of a second, a real Redis without persistence, PostgreSQL
behind a line that can be frozen and cut (SQLite where there is none), results on a small file system where one can be
mounted. Whatever is killed is started again, as a container's restart policy would.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import redis
from sqlalchemy import Engine, create_engine, select, update

from benchmarks.processes import ROOT, children_of, free_port, is_ready, kill_tree, redis_server, wait_until
from lumbar3d.jobs.schema import JOBS
from tests.database_line import DatabaseLine, database_line
from tests.postgresql import PostgresqlMissing, postgresql_server

PATIENCE_S = 600.0
LEASE_S = 4.0
SETTINGS = {
    "require_api_key": "false",
    "lease_s": str(LEASE_S),
    "heartbeat_s": "1",
    "sweep_s": "0.5",
    "stale_hint_s": "2",
    "retry_delay_s": "0.2",
    "max_attempts": "20",
    "min_free_mb": "4",
    "max_unfinished_per_client": "500",
}
STORE = "size=96m"
HOUR_S = 3600.0
LOST_COMMITS = (b"succeeded", b"submitted")
"""Events of the audit: parameters, which are sent in every transaction, unlike the words of a prepared statement."""
LOST_S = 5.0


class Part:
    """One process of the deployment that is killed and started again."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command, self._environment, self._log = command, environment, log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        with self._log.open("ab") as output:
            self._child = subprocess.Popen(self._command, env=self._environment, cwd=ROOT, stdout=output, stderr=output)

    def kill(self) -> None:
        """SIGKILL with everything under it, as the end of a machine would."""
        if self._child is not None and self._child.poll() is None:
            kill_tree(self._child.pid)
            self._child.wait()

    def send(self, number: signal.Signals) -> None:
        """A signal to it and its children."""
        if self._child is not None and self._child.poll() is None:
            for pid in [self._child.pid, *children_of(self._child.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def is_gone(self) -> bool:
        """Whether it has ended by itself."""
        return self._child is not None and self._child.poll() is not None


class World:
    """The deployment. Faults take a generator of random numbers and return when they have passed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._folder = folder
        self.store = folder / "store"
        self.store.mkdir()
        self.has_small_store = self._mount()
        self._line: DatabaseLine | None = None
        self._redis_port, self._redis = free_port(), stack.enter_context(ExitStack())
        self._redis.enter_context(redis_server(folder / "redis", self._redis_port))
        environment = self._environment(self._database())
        ports = [free_port(), free_port()]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self._fronts = [self._part(f"front{port}", _front(port), environment) for port in ports]
        self._workers = [self._part(f"worker{k}", _worker(k), environment) for k in (1, 2)]
        for url in self.urls:
            wait_until(lambda url=url: self._is_up(url), "a front end did not start", PATIENCE_S)  # type: ignore[misc]

    @property
    def database(self) -> str:
        """PostgreSQL or SQLite."""
        return "SQLite" if self._line is None else "PostgreSQL"

    def faults(self) -> dict[str, Callable[[random.Random], None]]:
        """Those that this machine can produce, by name."""
        found = {
            "worker killed": self._worker_killed,
            "worker frozen beyond its lease": self._worker_frozen,
            "front end killed": self._front_killed,
            "Redis killed": self._redis_killed,
            "Redis frozen": self._redis_frozen,
            "Redis flushed": self._redis_flushed,
            "clock set back": self._clock_set_back,
        }
        if self._line is not None:
            found |= {
                "database frozen": self._database_frozen,
                "database cut off": self._database_cut_off,
                "answer to a COMMIT lost": self._commit_answer_lost,
            }
        if self.has_small_store:
            found["store full"] = self._store_full
        return found

    def running(self) -> list[str]:
        """Jobs that a worker has at this moment."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(JOBS.c.id).where(JOBS.c.state == "running")).scalars())

    def _is_up(self, url: str) -> bool:
        self.restart_what_ended()
        return is_ready(url)

    def restart_what_ended(self) -> None:
        """As a restart policy does."""
        for part in [*self._fronts, *self._workers]:
            if part.is_gone():
                part.start()

    def _worker_killed(self, random_: random.Random) -> None:
        _killed(random_.choice(self._workers), random_)

    def _worker_frozen(self, random_: random.Random) -> None:
        worker = random_.choice(self._workers)
        worker.send(signal.SIGSTOP)
        time.sleep(LEASE_S + random_.uniform(0.5, 2.0))
        worker.send(signal.SIGCONT)

    def _front_killed(self, random_: random.Random) -> None:
        _killed(random_.choice(self._fronts), random_)

    def _redis_killed(self, random_: random.Random) -> None:
        self._on_redis(lambda client: os.kill(int(client.info("server")["process_id"]), signal.SIGKILL))
        time.sleep(random_.uniform(0.2, 3.0))
        self._redis.close()
        self._redis.enter_context(redis_server(self._folder / "redis", self._redis_port))

    def _redis_frozen(self, random_: random.Random) -> None:
        pids: list[int] = []
        self._on_redis(lambda client: pids.append(int(client.info("server")["process_id"])))
        os.kill(pids[0], signal.SIGSTOP)
        time.sleep(random_.uniform(0.5, 4.0))
        os.kill(pids[0], signal.SIGCONT)

    def _redis_flushed(self, _random: random.Random) -> None:
        self._on_redis(lambda client: client.flushall())

    def _on_redis(self, act: Callable[[redis.Redis], object]) -> None:
        client = redis.Redis(port=self._redis_port)
        act(client)
        client.close()

    def _clock_set_back(self, _random: random.Random) -> None:
        """Stored times an hour ahead of the clock are what a step of one hour back leaves behind."""
        ahead = {name: JOBS.c[name] + HOUR_S for name in ("available_s", "lease_expires_s", "published_s")}
        with self.engine.begin() as connection:
            connection.execute(update(JOBS).where(JOBS.c.state.in_(("queued", "running"))).values(ahead))

    def _database_frozen(self, random_: random.Random) -> None:
        self._line_is("frozen", random_.uniform(0.5, 5.0))

    def _database_cut_off(self, random_: random.Random) -> None:
        self._line_is("closed", random_.uniform(0.1, 3.0))

    def _commit_answer_lost(self, random_: random.Random) -> None:
        """Of a submission or of a finished job, the next that comes; the connection breaks in place of the answer."""
        assert self._line is not None
        cuts = self._line.cuts
        self._line.cut_after_commit_of(random_.choice(LOST_COMMITS))
        with suppress(TimeoutError):
            wait_until(lambda: self._line is not None and self._line.cuts > cuts, "nothing was committed", LOST_S)

    def _line_is(self, mode: str, seconds: float) -> None:
        assert self._line is not None
        self._line.set_mode(mode)
        time.sleep(seconds)
        self._line.set_mode("open")

    def _store_full(self, random_: random.Random) -> None:
        ballast = self.store / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        time.sleep(random_.uniform(0.5, 3.0))
        ballast.unlink()

    def _mount(self) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", STORE, "tmpfs", str(self.store)]
        try:
            is_mounted = not subprocess.run(command, capture_output=True).returncode
        except FileNotFoundError:
            return False
        if is_mounted:
            self._stack.callback(subprocess.run, ["umount", "--lazy", str(self.store)])
        return is_mounted

    def _database(self) -> str:
        """The URL for the deployment; ``engine`` goes past the line."""
        try:
            direct = self._stack.enter_context(postgresql_server())
            self._line = self._stack.enter_context(database_line(direct))
            url = self._line.url
        except PostgresqlMissing:
            direct = url = f"sqlite:///{self._folder / 'jobs.sqlite3'}"
        self.engine: Engine = create_engine(direct)
        self._stack.callback(self.engine.dispose)
        return url

    def _environment(self, database: str) -> dict[str, str]:
        trouble = self._folder / "trouble"
        trouble.mkdir()
        (trouble / "slow").touch()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LUMBAR3D_")}
        ours = SETTINGS | {
            "data_dir": str(self.store),
            "database_url": database,
            "broker_url": f"redis://127.0.0.1:{self._redis_port}/0",
        }
        return {
            **clean,
            **{f"LUMBAR3D_{name.upper()}": value for name, value in ours.items()},
            "TINY_ENGINE_DIR": str(trouble),
            "OMP_NUM_THREADS": "1",
        }

    def _part(self, name: str, command: list[str], environment: dict[str, str]) -> Part:
        part = Part([sys.executable, "-m", *command], environment, self._folder / f"{name}.log")
        self._stack.callback(part.kill)
        part.start()
        return part


def _killed(part: Part, random_: random.Random) -> None:
    part.kill()
    time.sleep(random_.uniform(0.0, 1.0))
    part.start()


def _front(port: int) -> list[str]:
    bounds = ["--http", "lumbar3d.service.connections:BoundedHttp"]
    return ["uvicorn", "--factory", "lumbar3d.service.app:create_app_from_environment", "--port", str(port), *bounds]


def _worker(index: int) -> list[str]:
    flags = ["--without-gossip", "--without-mingle", "--concurrency", "1", "--hostname", f"worker{index}@%h"]
    return ["celery", "-A", "tests.tiny_celery", "worker", *flags]


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Start it; at the end everything is killed."""
    with ExitStack() as stack:
        yield World(folder, stack)
