"""From films in an archive to results in their study, and what faults do to it: ``python -m benchmarks.bridge``.

A real Orthanc, ``lumbar3d bridge`` and ``lumbar3d serve`` as processes of their own. First the demonstration pair as
DICOM films with the real engine, a study at a time: from the first film's way into the archive until all results are
there. Then many studies with an engine that takes no time and films of 128 x 128 pixels, while bridge, service and
archive are killed or frozen; with ``--folder`` and ``--minutes`` in several runs, each going on where the last ended.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from pydicom import dcmread
from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid
from pynetdicom import AE

from benchmarks import deployments
from benchmarks.chaos_world import Part
from benchmarks.machine import describe
from benchmarks.processes import ROOT, free_port, process, wait_until
from benchmarks.records import write
from lumbar3d.jobs import identity
from tests.orthanc import BINARY, CALIBRATION, Orthanc, answers, configuration, demo_film, demo_room, orthanc

RESULTS = ROOT / "benchmarks" / "results"
OBJECTS = 8
"""Structured report, report, capture, five models."""
SETTLE_S = 1.0
PATIENCE_S = 900.0
FROZEN_S = 3.0
AT_WORK = 20
"""Studies that are on their way at the same time."""


EVERY = 8
"""Every eighth pixel of the demonstration pair, where the engine looks at none."""


def bridge_command(folder: Path, port: int, archive: int, server: str, room: Path = CALIBRATION) -> list[str]:
    """``lumbar3d bridge run`` with C-STORE both ways."""
    command = [sys.executable, "-m", "lumbar3d.cli", "bridge", "run", "--folder", str(folder), "--port", str(port)]
    command += ["--pacs", f"127.0.0.1:{archive}", "--pacs-ae-title", "ORTHANC", "--calibration", str(room)]
    return [*command, "--settle-s", str(SETTLE_S), "--no-require-accepted", "--server", server]


def latency(folder: Path, pairs: int) -> dict[str, Any]:
    """One study after the other with the real engine; the first, in which workers compile, is not counted."""
    port, key = free_port(), {"LUMBAR3D_IDENTITY_KEY": identity.new_key()}
    with ExitStack() as stack:
        service = stack.enter_context(deployments.embedded(folder / "service", key))
        archive = stack.enter_context(orthanc(folder / "orthanc", port))
        command = bridge_command(folder / "bridge", port, archive.dicom_port, service.url)
        stack.enter_context(process(command, os.environ, folder / "bridge.log"))
        wait_until(lambda: "lumbar3d bridge:" in (folder / "bridge.log").read_text(), "the bridge did not start", 120.0)
        took_s = [round_trip(archive, folder) for _ in range(pairs + 1)]
    return {"studies": pairs, "film_to_results_s": spread(took_s[1:]), "first_s": round(took_s[0], 1)}


def round_trip(archive: Orthanc, folder: Path) -> float:
    """Seconds until a new study has its results."""
    study = generate_uid()
    films = [demo_film(folder, view, study).read_bytes() for view in ("AP", "LL")]
    started_s = time.perf_counter()
    for film in films:
        archive.http.post("/instances", content=film).raise_for_status()
    wait_until(lambda: len(archive.instances(study)) == 2 + OBJECTS, "no results", PATIENCE_S)
    return time.perf_counter() - started_s


class World:
    """Archive, service and bridge, each killed and started again; in a folder that another run may go on with."""

    def __init__(self, folder: Path) -> None:
        assert BINARY is not None
        self.port, self.archive_port, self.service_port, http_port = (free_port() for _ in range(4))
        self.folder = folder
        configured = configuration(folder / "orthanc", (http_port, self.archive_port, self.port), False)
        room, key = folder / "room.json", folder / "identity.key"
        room.write_text(json.dumps(demo_room(EVERY)))
        if not key.is_file():
            key.write_text(identity.new_key())
        url = f"http://127.0.0.1:{self.service_port}"
        environment = dict(os.environ) | {"LUMBAR3D_IDENTITY_KEY": key.read_text(), "PYTHONPATH": str(ROOT)}
        serve = [sys.executable, "-m", "tests.embedded_service", "tests.tiny_embedded"]
        serve += [str(folder / "service"), str(self.service_port)]
        bridge = bridge_command(folder / "bridge", self.port, self.archive_port, url, room)
        self.parts = {
            "archive": Part([BINARY, str(configured)], environment, folder / "orthanc.log"),
            "service": Part(serve, environment, folder / "service.log"),
            "bridge": Part(bridge, environment, folder / "bridge.log"),
        }
        http = httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=60)
        self.archive = Orthanc(http, self.archive_port)

    def fault(self, draw: random.Random) -> str:
        """One part is killed and started again, or frozen for a while."""
        name, kind = draw.choice([*self.parts]), draw.choice(["killed", "frozen"])
        part = self.parts[name]
        if kind == "killed":
            part.kill()
            part.start()
        else:
            part.send(signal.SIGSTOP)
            time.sleep(FROZEN_S)
            part.send(signal.SIGCONT)
        return f"{name} {kind}"

    def stored(self) -> int:
        """Pairs that the bridge has ended with."""
        with suppress(sqlite3.Error), closing(sqlite3.connect(self.folder / "bridge" / "bridge.sqlite3")) as ledger:
            (count,) = ledger.execute("SELECT count(*) FROM pairs WHERE state = 'stored'").fetchone()
            return int(count)
        return 0

    def wait_for(self, studies: int) -> None:
        """Until so many have been stored."""
        wait_until(lambda: self.stored() >= studies, "the bridge does not come on", PATIENCE_S)


@dataclass
class Done:
    """What the runs in a folder have done so far."""

    runs: int = 0
    sent: int = 0
    again: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, folder: Path) -> Done:
        """As the last run left it."""
        file = folder / "done.json"
        told = json.loads(file.read_text()) if file.is_file() else {}
        return cls(**{**told, "faults": Counter(told.get("faults"))})

    def write(self, folder: Path) -> None:
        """For the next run."""
        (folder / "done.json").write_text(json.dumps({**vars(self), "faults": dict(self.faults)}))


def with_faults(folder: Path, studies: int, faults: int, seed: int, minutes: float) -> dict[str, Any]:
    """Send studies by C-STORE, again where the bridge did not take a film, and count what arrives in the archive.

    After so many minutes no new study is sent; those that were are waited for.
    """
    world, done, started_s = World(folder), Done.of(folder), time.monotonic()
    draw, every = random.Random(f"{seed} {done.sent}"), max(1, studies // max(1, faults))
    uids = [generate_uid(entropy_srcs=[str(seed), str(number)]) for number in range(studies)]
    with ExitStack() as stack:
        for part in world.parts.values():
            part.start()
            stack.callback(part.kill)
        wait_until(lambda: answers(world.archive.http), "the archive did not start", PATIENCE_S)
        while done.sent < studies and time.monotonic() - started_s < 60.0 * minutes:
            study = uids[done.sent]
            done.again += sum(sent(world, demo_film(folder, view, study, EVERY)) for view in ("AP", "LL"))
            done.sent += 1
            if done.sent % every == 0 and done.faults.total() < faults:
                done.faults[world.fault(draw)] += 1
            world.wait_for(done.sent - AT_WORK)
        world.wait_for(done.sent)
        wait_until(lambda: answers(world.archive.http), "the archive is gone", PATIENCE_S)
        found = [[each["SOPInstanceUID"] for each in world.archive.instances(study)] for study in uids[: done.sent]]
    done.seconds += time.monotonic() - started_s
    done.runs += 1
    done.write(folder)
    with closing(sqlite3.connect(folder / "service" / "jobs.sqlite3")) as table:
        (jobs,) = table.execute("SELECT count(*) FROM jobs").fetchone()
    return {
        "studies": done.sent,
        "runs": done.runs,
        "seconds": round(done.seconds, 1),
        "faults": dict(sorted(done.faults.items())),
        "films_sent_again": done.again,
        "lost": sum(len(set(each)) < OBJECTS for each in found),
        "double": sum(len(each) > OBJECTS for each in found) + max(0, int(jobs) - done.sent),
    }


def sent(world: World, film: Path) -> int:
    """C-STORE a film until it is taken; how often it had to be sent again."""
    dataset, tries = dcmread(film), 0
    while not stored_by(world.port, dataset):
        tries += 1
        time.sleep(0.3)
    film.unlink()
    return tries


def stored_by(port: int, dataset: Any) -> bool:
    """Whether the bridge took a film."""
    modality = AE(ae_title="ORTHANC")
    modality.acse_timeout = modality.dimse_timeout = modality.network_timeout = 30.0
    modality.add_requested_context(DigitalXRayImageStorageForPresentation)
    association = modality.associate("127.0.0.1", port, ae_title="LUMBAR3D")
    if not association.is_established:
        return False
    try:
        return bool(association.send_c_store(dataset).get("Status") == 0)
    finally:
        association.release()


def spread(seconds: list[float]) -> dict[str, float]:
    """Quantiles."""
    quantiles = {"p50": 50.0, "p95": 95.0, "max": 100.0}
    return {name: round(float(np.percentile(np.array(seconds), q)), 1) for name, q in quantiles.items()}


def render(record: dict[str, Any]) -> str:
    """Markdown of the record."""
    machine = record["machine"]
    lines = [
        "# The bridge",
        "",
        f"On {machine['processor']}, {machine['cores']} cores shared by archive, bridge, service and engine, and "
        "with other work, as the load averages say. Orthanc, C-STORE both ways, a study complete after "
        f"{SETTLE_S:g} s without new films.",
        "",
        "| | | made by, load average |",
        "|---|---|---|",
    ]
    if (found := record.get("latency")) is not None:
        times = " / ".join(str(found["film_to_results_s"][name]) for name in ("p50", "p95", "max"))
        lines.append(
            f"| demonstration pair into the archive to {OBJECTS} results in its study, real engine, {found['studies']} "
            f"studies one at a time, p50 / p95 / max | {times} s | {_made_by(found)} |"
        )
    if (found := record.get("faults")) is not None:
        kinds = ", ".join(f"{count} {kind}" for kind, count in found["faults"].items())
        lines += [
            f"| studies with an engine that takes no time | {found['studies']} in {found['seconds']} s "
            f"and {found['runs']} run(s) | {_made_by(found)} |",
            f"| faults meanwhile | {sum(found['faults'].values())}: {kinds} | |",
            f"| films that had to be sent again | {found['films_sent_again']} | |",
            f"| studies that lack a result | {found['lost']} | |",
            f"| results or jobs that are double | {found['double']} | |",
        ]
    return "\n".join([*lines, ""])


def _made_by(found: dict[str, Any]) -> str:
    load = found["load_average"]
    return f"`{found['command']}`, {load['before']} to {load['after']}"


def main() -> None:
    """Measure, print and write the record; of a part with 0 studies the last figures stay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="studies with the real engine")
    parser.add_argument("--studies", type=int, default=500, help="studies with faults")
    parser.add_argument("--faults", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600.0, help="of a run with faults")
    parser.add_argument("--folder", type=Path, help="where runs with faults go on; else a new one, removed at the end")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    file = chosen.out / "bridge.json"
    record = json.loads(file.read_text()) if file.is_file() else {}
    faults = f"--studies {chosen.studies} --faults {chosen.faults} --seed {chosen.seed}"
    faults += f" --minutes {chosen.minutes:g} --folder DIR" if chosen.folder else ""
    parts: dict[str, tuple[str, int, Callable[[Path], dict[str, Any]]]] = {
        "latency": (f"--pairs {chosen.pairs}", chosen.pairs, lambda folder: latency(folder, chosen.pairs)),
        "faults": (
            faults,
            chosen.studies,
            lambda folder: with_faults(
                chosen.folder or folder, chosen.studies, chosen.faults, chosen.seed, chosen.minutes
            ),
        ),
    }
    record["machine"] = describe("pydicom", "pynetdicom", "highdicom", "fastapi")
    for name, (flags, wanted, measure) in parts.items():
        if not wanted:
            continue
        before = round(os.getloadavg()[0], 1)
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder))
        load = {"before": before, "after": round(os.getloadavg()[0], 1)}
        record[name] = found | {"command": f"python -m benchmarks.bridge {flags}", "load_average": load}
        print(json.dumps(record[name]), flush=True)
    write(chosen.out, "bridge", record, render(record))


if __name__ == "__main__":
    main()
