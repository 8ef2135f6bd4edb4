"""Fuzzing of a running service: whatever its description allows and forbids, and damaged pairs."""

from __future__ import annotations

import json
import logging
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from benchmarks.fuzz_files import damaged, whole_files
from benchmarks.processes import is_ready
from tests.conftest import calibration_document
from tests.integration.processes import embedded, parts, submit, wait_for

LOGGER = logging.getLogger(__name__)
REACHED = "operations_that_answered_2xx"


def service(per_operation: int, pairs: int, first_seed: int) -> dict[str, Any]:
    """A running front end, by its own description and behind a finished job, and with damaged pairs."""
    statuses: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        limits = {"max_queued": "1000000", "max_upload_mb": "4", "min_free_mb": "0"}
        with embedded(Path(folder), **limits) as running:
            address = running.url + submit(running.url).headers["Location"]
            wait_for(address, "succeeded")
            schema = schemathesis.openapi.from_url(running.url + "/openapi.json")
            operations: list[Any] = list(schema.get_all_operations())
            for result in operations:
                _ask(result.ok(), address.rpartition("/")[2], per_operation, first_seed, (statuses, reached))
            _send_pairs(running.url, pairs, first_seed, statuses)
            assert is_ready(running.url)
            peak_mib = max(_high_water_mib(pid) for pid in _listeners(running.url))
    return {
        "requests": statuses.total(),
        "answers_5xx": sum(count for status, count in statuses.items() if status >= "500"),
        "statuses": dict(sorted(statuses.items())),
        REACHED: sorted(reached),
        "peak_mib": peak_mib,
    }


PLAIN = 2
"""From this draw on nothing is asked with an option: a revision or an ETag drawn at random is seldom there."""


def _ask(operation: Any, job_id: str, count: int, first_seed: int, counters: tuple[Counter[str], Counter[str]]) -> None:
    """One operation, of the finished job three times in four; it is not erased on the way."""
    statuses, reached = counters

    @seed(first_seed)
    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(), st.integers(0, 3))
    def ask(case: Any, draw: int) -> None:
        if case.path_parameters and "job_id" in case.path_parameters and draw and operation.method != "delete":
            case.path_parameters["job_id"] = job_id
            if draw >= PLAIN:
                case.query, case.headers = {}, {}
        if operation.path.endswith("/events") and not draw:
            return
        answer = case.call(timeout=30)
        statuses[str(answer.status_code)] += 1
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            LOGGER.error("%s answers %s", case.as_curl_command(), answer.status_code)
        if answer.status_code < httpx.codes.MULTIPLE_CHOICES:
            reached[f"{operation.method.upper()} {operation.path}"] += 1

    ask()


def _send_pairs(url: str, count: int, first_seed: int, statuses: Counter[str]) -> None:
    """Pairs of which one image or the calibration is damaged."""
    rng = np.random.default_rng(first_seed)
    with tempfile.TemporaryDirectory() as folder, httpx.Client(base_url=url, timeout=60) as http:
        wholes = whole_files(Path(folder) / "film")
        text = json.dumps(calibration_document()).encode()
        for index in range(count):
            changed: dict[str, Any] = {"ap": ("x", damaged(wholes[index % len(wholes)], rng))}
            if index % 4 == 0:
                changed = {"calibration": (None, damaged(text, rng))}
            statuses[str(http.post("/reconstruct", files=parts(**changed)).status_code)] += 1


def _listeners(url: str) -> list[int]:
    """Processes that have the port of this address on their command line."""
    port = str(httpx.URL(url).port).encode()
    lines = {int(entry.name): entry / "cmdline" for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    return [pid for pid, path in lines.items() if path.exists() and port in path.read_bytes().split(b"\0")]


def _high_water_mib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0
