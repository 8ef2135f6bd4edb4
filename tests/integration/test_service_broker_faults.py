"""A full Redis and messages that nobody can read: workers go on by themselves."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import redis

from benchmarks.processes import redis_server, wait_until
from lumbar3d.contracts import RECONSTRUCT_TASK
from lumbar3d.worker.transport import is_hint
from tests.integration.processes import celery_worker, environment_for, server, submit, wait_for

pytestmark = [pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(200)]
FAST = {"lease_s": "1.5", "heartbeat_s": "0.3", "retry_delay_s": "0.1", "stale_hint_s": "0.5"}


def message(body: object, **changes: object) -> dict[str, object]:
    """As Celery's producer writes it."""
    encoded = body if isinstance(body, str) else base64.b64encode(json.dumps(body).encode()).decode()
    route = {"exchange": "", "routing_key": "lumbar3d"}
    whole = {
        "body": encoded,
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": RECONSTRUCT_TASK, "id": "x", "timelimit": [None, None], "eta": None, "expires": None},
        "properties": {"delivery_tag": "t", "delivery_info": route, "body_encoding": "base64", "priority": 0},
    }
    return whole | changes


GOOD = [["3f0e8a52-3d0d-4c39-9f8a-6a64c2b0a001"], {}, {"callbacks": None}]
POISON = [
    None,
    [],
    "text",
    {},
    message(GOOD, properties={}),
    message(GOOD, headers=None),
    message(GOOD, headers={"task": "os.system", "id": "x"}),
    message(GOOD, **{"content-type": "application/x-python-serialize"}),
    message("%%%"),
    message(base64.b64encode(b"\xff\xfe").decode()),
    message({"id": 1}),
    message([[1], {}, {}]),
    message([[], {}, {}]),
    message(GOOD) | {"body": 7},
    message(GOOD) | {"body": None},
]


def test_hints_are_told_from_poison() -> None:
    assert is_hint(message(GOOD))
    assert not any(is_hint(one) for one in POISON)


def test_poison_in_the_queue_ends_nobody(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as broker:
        environment = environment_for(tmp_path, broker_url=broker, **FAST)
        with server(environment, tmp_path / "service.log") as url:
            client = redis.Redis.from_url(broker)
            for one in POISON:
                client.lpush("lumbar3d", json.dumps(one))
            client.lpush("lumbar3d", b"\xff not even text", b"{", b"")
            with celery_worker(environment, tmp_path / "worker.log") as worker:
                address = url + submit(url).headers["Location"]
                assert wait_for(address, "succeeded")["attempt"] == 1
                wait_until(lambda: client.llen("lumbar3d") == 0, "poison stays in the queue")
                assert worker.poll() is None
                assert not client.hlen("unacked"), "nothing will be put back"
            client.close()


def test_full_redis_ends_nobody_and_work_goes_on(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as broker:
        environment = environment_for(tmp_path, broker_url=broker, **FAST)
        client = redis.Redis.from_url(broker)
        with (
            server(environment, tmp_path / "service.log") as url,
            celery_worker(environment, tmp_path / "running.log") as running,
        ):
            wait_for(url + submit(url).headers["Location"], "succeeded")
            client.config_set("maxmemory", "1")
            address = url + submit(url).headers["Location"]
            with celery_worker(environment, tmp_path / "starting.log") as starting:
                log = tmp_path / "starting.log"
                wait_until(lambda: "Cannot connect" in log.read_text(), "Redis was not felt to be full")
                assert (running.poll(), starting.poll()) == (None, None)
                client.config_set("maxmemory", "0")
                assert wait_for(address, "succeeded")["attempt"] == 1
                running.terminate()
                running.wait(30)
                assert wait_for(url + submit(url).headers["Location"], "succeeded"), "by the one that started full"
        client.close()
