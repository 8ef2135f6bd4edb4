"""Metrics of a running service, the alarms and the dashboard that read them, and log lines of one request."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.http_bench import http_bench
from tests.integration.processes import IMAGE, embedded, submit, wait_for
from tests.tiny_engine import grey_png

MONITORING = Path(__file__).resolve().parents[2] / "docker" / "monitoring"
OURS = re.compile(r"\b(?:lumbar3d|process)_[a-z0-9_]+")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def alerts() -> list[dict[str, str]]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> list[str]:
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [rule["expr"] for rule in alerts()] + [target["expr"] for panel in panels for target in panel["targets"]]


def families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_what_alarms_and_dashboard_ask_for_is_exported(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        text = bench.client.get("/metrics").text
    exported = {name + suffix for name, family in families(text).items() for suffix in SUFFIXES[family.type]}
    asked = {name for query in queries() for name in OURS.findall(query)}
    assert asked and asked <= exported, sorted(asked - exported)
    assert len(alerts()) == 11 and all({"alert", "expr", "labels", "annotations"} <= set(rule) for rule in alerts())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_accepts_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", str(MONITORING / "alerts.yaml")], check=True, capture_output=True)
    subprocess.run(["promtool", "check", "config", str(MONITORING / "prometheus.yaml")], check=True)


def test_figures_of_jobs_are_those_of_the_table(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        bench.submitted()
        bench.run_next()
        (tmp_path / "fail").write_text("RejectedError")
        bench.submitted()
        bench.run_next()
        assert bench.submit(lat=("x", grey_png(32, 32))).status_code == 422
        found = families(bench.client.get("/metrics").text)
    with http_bench(tmp_path) as restarted:
        again = families(restarted.client.get("/metrics").text)
    for metrics in (found, again):
        samples = metrics["lumbar3d_job_events"].samples
        events = {(sample.labels["event"], sample.labels["code"]): sample.value for sample in samples}
        assert events == {
            ("claimed", ""): 2.0,
            ("rejected", "rejected"): 1.0,
            ("submitted", ""): 2.0,
            ("succeeded", ""): 1.0,
        }
        assert count(metrics["lumbar3d_job_seconds"], outcome="succeeded") == 1.0
        assert count(metrics["lumbar3d_job_wait_seconds"]) == 2.0
        assert count(metrics["lumbar3d_job_stage_seconds"], stage="export") == 1.0
    refused = {sample.labels["code"]: sample.value for sample in found["lumbar3d_problems"].samples}
    assert refused["invalid_radiograph"] == 1.0


def count(family: Metric, **labels: str) -> float:
    return sum(s.value for s in family.samples if s.name.endswith("_count") and labels.items() <= s.labels.items())


def test_a_request_is_followed_from_the_client_to_the_worker(tmp_path: Path) -> None:
    name, traced = str(uuid.uuid4()), uuid.uuid4().hex
    with embedded(tmp_path) as server:
        accepted = submit(server.url, {"X-Request-ID": name})
        assert accepted.headers["X-Request-ID"] == name
        job = wait_for(server.url + accepted.headers["Location"], "succeeded")["id"]
        assert httpx.get(server.url, headers={"X-Request-ID": traced}).headers["X-Request-ID"] == str(uuid.UUID(traced))
        for spoilt in ("DOE-JANE", name + "0", name.replace("-", "/")):
            assert uuid.UUID(httpx.get(server.url, headers={"X-Request-ID": spoilt}).headers["X-Request-ID"])
        assert submit(server.url, {"X-Request-ID": name}, lat=("x", b"no"), ap=("x", IMAGE)).status_code == 415
    front = [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]
    back = [json.loads(line) for line in (tmp_path / "worker.log").read_text().splitlines()]
    ended = [line for line in back if line["event"] == "attempt ended"]
    assert [(line["request_id"], line["job_id"], line["stage"]) for line in ended] == [(name, job, "export")]
    posted = [line for line in front if line.get("request_id") == name]
    assert [(line["status"], line.get("job_id")) for line in posted] == [(202, job), (415, None)]
    said = [line["event"] for line in front if line["logger"] == "uvicorn.error"]
    assert any(re.fullmatch(r"Started server process \[\d+\]", event) for event in said)
    assert not any("%" in event for event in said), said
