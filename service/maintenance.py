"""Maintenance loop of the service: publishes as soon as a job is submitted, sweeps every few seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from lumbar3d.jobs.housekeeping import ORPHAN_S, collect_orphans
from lumbar3d.jobs.leaps import Watch
from lumbar3d.service.deps import Services

LOGGER = logging.getLogger(__name__)
HOUSEKEEPING_EVERY = 60
"""Sweeps between two walks over the files."""


async def run(services: Services) -> None:
    """Until cancelled; no failure of broker, database or disk ends it."""
    sweeps, clock = 0, Watch(ORPHAN_S)
    while True:
        services.submitted.clear()
        await _attempt(services, "publish", lambda: services.sweeper.publish_due(services.broker))
        await _attempt(services, "release", services.sweeper.release_expired)
        services.made.expire()
        if sweeps % HOUSEKEEPING_EVERY == 0:
            await _attempt(services, "housekeeping", lambda: _keep_house(services, clock))
        sweeps += 1
        try:
            async with asyncio.timeout(services.settings.sweep_s):
                await services.submitted.wait()
        except TimeoutError:
            continue


async def _attempt(services: Services, part: str, sweep: Callable[[], int]) -> None:
    try:
        changed = await run_in_threadpool(sweep)
    except Exception:
        services.metrics.sweep_errors.labels(part).inc()
        LOGGER.warning("sweep failed", extra={"outcome": part}, exc_info=True)
        return
    if changed:
        LOGGER.info("sweep", extra={"outcome": part, "count": changed})


def _keep_house(services: Services, clock: Watch) -> int:
    """Erase results past their time, then files that belong to nothing, unless their ages have just jumped."""
    erased = services.sweeper.erase_old()
    services.made.forget(erased)
    for job_id in erased:
        services.store.remove(f"artifacts/{job_id}")
    if clock.leapt(time.time()):
        return len(erased)
    return len(erased) + collect_orphans(services.database, services.store)
