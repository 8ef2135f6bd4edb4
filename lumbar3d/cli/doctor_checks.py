"""Checks of ``doctor``; each gives a state and a sentence, or raises what is wrong."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import select

from lumbar3d.cli.doctor import FAILED, OK, SKIPPED, WARNING
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import SCHEMA_VERSION
from lumbar3d.jobs.stores import open_store
from lumbar3d.service.keys import KeyRing
from lumbar3d.service.settings import ServiceSettings

if TYPE_CHECKING:
    from lumbar3d.worker.settings import WorkerSettings

State = tuple[str, str]
CLOCK_S = 2.0
"""Beyond this a person should look; leases use the database's clock alone."""
MEBIBYTE = 1 << 20


def settings(of: ServiceSettings) -> State:
    """All settings have a meaning, and keys are there where they are asked for."""
    keys = KeyRing.load(of)
    mode = "embedded" if of.broker is None else "with broker"
    return OK, f"{mode}, {keys.count} API keys, results kept for {of.retention_days:g} days"


def folder(of: ServiceSettings) -> State:
    """The data folder can be written, and only by us."""
    of.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=of.data_dir) as file:
        file.write(b"probe")
        os.fsync(file.fileno())
    mode = stat.S_IMODE(of.data_dir.stat().st_mode)
    if mode & 0o077:
        return WARNING, f"{of.data_dir.absolute()} is open to others (mode {mode:o}): chmod 700"
    return OK, f"{of.data_dir.absolute()} can be written"


def store(of: ServiceSettings) -> State:
    """Bundles can be written to it."""
    open_store(of).check()
    return OK, "in the data folder" if of.store_url is None else f"{urlsplit(of.store_url).scheme}: takes bundles"


def disk(of: ServiceSettings) -> State:
    """There is more room than uploads must leave."""
    free_mb = shutil.disk_usage(of.data_dir).free / MEBIBYTE
    text = f"{free_mb:.0f} MiB free; uploads are refused below {of.min_free_mb:g}"
    if free_mb < of.min_free_mb:
        return FAILED, text
    return (WARNING if free_mb < 4 * of.min_free_mb else OK), text


def database(of: ServiceSettings) -> State:
    """It answers a transaction."""
    with closing(Database(of.database)) as table:
        started_s = time.monotonic()
        with table.write() as connection:
            connection.execute(select(1))
        return OK, f"{table.engine.dialect.name} answers in {1000 * (time.monotonic() - started_s):.0f} ms"


def schema(of: ServiceSettings) -> State:
    """It is this program's."""
    with closing(Database(of.database)) as table:
        found = table.schema_version()
    if found is None:
        return WARNING, "no tables yet: the first start makes them"
    words = f"the table has {found}, the program {SCHEMA_VERSION}"
    return (OK, words) if found == SCHEMA_VERSION else (FAILED, f"{words}: lumbar3d db upgrade")


def clock(of: ServiceSettings) -> State:
    """Our clock and the database have the same time."""
    with closing(Database(of.database)) as table, table.read() as connection:
        apart_s = abs(time.time() - float(connection.execute(select(now_s())).scalar_one()))
    return (WARNING if apart_s > CLOCK_S else OK), f"{apart_s:.2f} s from the database's"


def redis(of: ServiceSettings) -> State:
    """It answers, and refuses rather than forgets when it is full."""
    if of.broker is None:
        return SKIPPED, "no broker: the embedded worker looks into the table"
    from redis import Redis

    with closing(Redis.from_url(of.broker, socket_timeout=3, socket_connect_timeout=3)) as client:
        client.ping()
        memory = client.info("memory")
    policy = str(memory["maxmemory_policy"])
    if policy != "noeviction":
        return WARNING, f"answers, but forgets messages when it is full ({policy}; wanted: noeviction)"
    return OK, "answers, noeviction"


def assets() -> State:
    """Every file of the manifest has its SHA-256."""
    from lumbar3d.shape.assets import AssetStore

    store = AssetStore.open(_worker().assets)
    for name in store.records:
        store.path(name)
    return OK, f"{len(store.records)} files of {store.directory} have their SHA-256"


def networks() -> State:
    """ONNX Runtime opens them, on the device that is asked for."""
    from lumbar3d.detector import Detector
    from lumbar3d.shape.assets import AssetStore

    detector = Detector.load(AssetStore.open(_worker().assets), device=_worker().device)
    return OK, "run on " + ", ".join(detector.providers)


def device() -> State:
    """The projector's device."""
    from lumbar3d.drr.factory import create_projector

    return OK, f"{type(create_projector(_worker().device)).__name__} (LUMBAR3D_DEVICE={_worker().device})"


def selftest() -> State:
    """Self-test that a worker runs before it takes jobs."""
    from lumbar3d.drr.factory import create_projector
    from lumbar3d.selftest import self_test
    from lumbar3d.shape.assets import AssetStore, load_shape_models

    worker = _worker()
    self_test(load_shape_models(AssetStore.open(worker.assets)), create_projector(worker.device))
    return OK, "a spine was reconstructed from its own projections"


def _worker() -> WorkerSettings:
    from lumbar3d.worker.settings import WorkerSettings

    return WorkerSettings()


OF_SETTINGS: dict[str, Callable[[ServiceSettings], State]] = {
    "folder": folder,
    "store": store,
    "disk": disk,
    "database": database,
    "schema": schema,
    "clock": clock,
    "redis": redis,
}
OF_ENGINE: dict[str, Callable[[], State]] = {
    "assets": assets,
    "networks": networks,
    "device": device,
    "self-test": selftest,
}
