"""Manifests for a cluster: valid by the schemas of Kubernetes, hardened, with settings that exist. None runs here."""

from __future__ import annotations

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from lumbar3d.service.settings import ServiceSettings
from lumbar3d.worker.settings import WorkerSettings

FOLDER = Path(__file__).resolve().parents[3] / "docker/kubernetes"
VERSION = "1.31"
FOREIGN = ("POSTGRES_", "REDIS_", "AWS_", "PGDATA", "FORWARDED_ALLOW_IPS")


def documents() -> list[dict]:
    files = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    return [document for name in files for document in yaml.safe_load_all((FOLDER / name).read_text())]


def pods() -> list[dict]:
    return [document["spec"]["template"]["spec"] for document in documents() if "template" in document.get("spec", {})]


@pytest.mark.parametrize("document", [d for d in documents()], ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_manifest_is_valid(document):
    kubernetes_validate.validate(document, VERSION, strict=True)


def test_every_file_is_listed():
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in FOLDER.glob("*.yaml")}


def test_every_process_is_hardened():
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]} and container["resources"]["limits"]["memory"]


def test_no_front_end_goes_away_for_what_all_of_them_share():
    (service,) = (d for d in documents() if d["kind"] == "Deployment" and d["metadata"]["name"] == "service")
    (container,) = service["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] == "/healthz"


def test_what_needs_no_key_is_closed_to_the_outside():
    (inside,) = (d for d in documents() if d["kind"] == "Ingress" and d["metadata"]["name"] == "inside")
    assert inside["metadata"]["annotations"] == {"nginx.ingress.kubernetes.io/whitelist-source-range": "127.0.0.1/32"}
    (rule,) = inside["spec"]["rules"]
    assert {path["path"] for path in rule["http"]["paths"]} == {"/metrics", "/readyz"}


def test_wrong_keys_are_told_apart_by_client():
    (settings,) = (d["data"] for d in documents() if d["kind"] == "ConfigMap")
    assert settings["FORWARDED_ALLOW_IPS"]


def test_every_setting_exists():
    known = {f"LUMBAR3D_{name.upper()}" for name in (*ServiceSettings.model_fields, *WorkerSettings.model_fields)}
    told = [line.split("=")[0] for line in (FOLDER / "secrets.example.env").read_text().splitlines() if "=" in line]
    told += [name for d in documents() if d["kind"] == "ConfigMap" for name in d["data"]]
    told += [entry["name"] for pod in pods() for c in pod["containers"] for entry in c.get("env", [])]
    assert {name for name in told if not name.startswith(FOREIGN)} <= known
