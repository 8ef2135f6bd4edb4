"""Fuzzing: does any input get more than a typed refusal: ``python -m benchmarks.fuzz``.

Three parts in every block. Files: radiographs of every format with random damage, through the checks of the web
process; one in ``CLEANED_EVERY`` through de-identification too, one in ``DECODED_EVERY`` through the decoder.
Documents: calibrations and options that Hypothesis spoils. Service: a running front end with a finished job, asked by
schemathesis whatever ``openapi.yaml`` allows and forbids, and sent damaged pairs. Counted are inputs, refusals by their
code, untyped errors and answers 5xx; peak memory is the highest resident size of the process that reads. Finished
blocks are kept in ``--work``, to take a long run up again: ``python -m benchmarks.fuzz --blocks 5 --work DIR`` has
100,000 inputs.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import logging
import resource
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import schemathesis
import tifffile
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import uid

from benchmarks.machine import describe
from benchmarks.processes import ROOT, is_ready
from lumbar3d.documents import parse_calibration, parse_options
from lumbar3d.errors import Lumbar3dError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.deidentify import deidentify
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph
from tests.conftest import calibration_document
from tests.integration.processes import embedded, parts, submit, wait_for
from tests.unit.radiograph_files import compressed, dicom, gradient, write_dicom, write_png

RESULTS = ROOT / "benchmarks" / "results"
DECODED_EVERY, CLEANED_EVERY = 1000, 20
LOGGER = logging.getLogger(__name__)
REACHED = "operations_that_answered_2xx"
MEMORY = Path("/dev/shm")
REACH = 900
"""Bytes from the beginning in which most of the damage is done."""
GREY = (gradient() // 16).astype(np.uint8)
Maker = Callable[[Path], object]
MAKERS: dict[str, Maker] = {
    "DICOM explicit": lambda path: write_dicom(path, dicom()),
    "DICOM implicit": lambda path: write_dicom(path, dicom(syntax=uid.ImplicitVRLittleEndian)),
    "DICOM deflated": lambda path: write_dicom(path, dicom(syntax=uid.DeflatedExplicitVRLittleEndian)),
    "DICOM big endian": lambda path: write_dicom(path, dicom(syntax=uid.ExplicitVRBigEndian)),
    "DICOM RLE": lambda path: write_dicom(path, compressed(uid.RLELossless)),
    "DICOM JPEG": lambda path: write_dicom(path, compressed(uid.JPEGLosslessSV1)),
    "DICOM JPEG 2000": lambda path: write_dicom(path, compressed(uid.JPEG2000Lossless)),
    "PNG": lambda path: write_png(path, gradient()),
    "TIFF": lambda path: tifffile.imwrite(path, gradient(), compression="zlib"),
    "BigTIFF": lambda path: tifffile.imwrite(path, gradient(), bigtiff=True, byteorder=">"),
    "JPEG": lambda path: Image.fromarray(GREY).save(path, format="JPEG", exif=Image.Exif()),
}


class Found:
    """What inputs came to: ``accepted``, the code of a refusal, or the type of an untyped error."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.untyped: list[str] = []

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Count one input."""
        try:
            yield
            self.outcomes["accepted"] += 1
        except Lumbar3dError as error:
            self.outcomes[error.code] += 1
        except Exception as error:
            self.outcomes[type(error).__name__] += 1
            self.untyped.append(repr(error)[:200])

    def record(self) -> dict[str, Any]:
        """For the record."""
        return {
            "inputs": self.outcomes.total(),
            "untyped_errors": len(self.untyped),
            "outcomes": dict(self.outcomes.most_common()),
            "first_untyped": self.untyped[:5],
        }


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes replaced, mostly of the beginning; now and then a piece cut out, doubled, or the end cut off."""
    data = bytearray(whole)
    reach = min(REACH if rng.random() < 0.9 else len(data), len(data))
    for position in rng.integers(0, reach, rng.integers(1, 8)):
        data[position] = rng.choice(np.array([0, 1, 127, 128, 255, rng.integers(256)]))
    kind, start, length = rng.random(), int(rng.integers(reach)), int(rng.integers(1, 64))
    if kind < 0.1:
        del data[start : start + length]
    elif kind < 0.2:
        data[start:start] = data[start : start + length] * int(rng.integers(1, 20))
    elif kind < 0.3:
        del data[int(rng.integers(len(data))) :]
    return bytes(data)


def files(count: int, first_seed: int) -> dict[str, Any]:
    """Damaged files; in memory where the host has a file system for that, because the disk is not tested."""
    found, decoded, rng = Found(), Found(), np.random.default_rng(first_seed)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder) / "film"
        wholes = {name: _made(maker, path) for name, maker in MAKERS.items()}
        for number, whole in enumerate(itertools.islice(itertools.cycle(wholes.values()), count)):
            path.write_bytes(damaged(whole, rng))
            if number % DECODED_EVERY == 0:
                with decoded.watch():
                    load_radiograph(path)
            with found.watch():
                inspect_upload(path)
                if number % CLEANED_EVERY == 0:
                    deidentify(path, b"salt")
    return {"inspected": found.record(), "decoded": decoded.record(), "peak_mib": _peak_mib()}


def _made(maker: Maker, path: Path) -> bytes:
    maker(path)
    return path.read_bytes()


ODD: st.SearchStrategy[Any] = st.one_of(
    st.floats(),
    st.integers(),
    st.text(max_size=20),
    st.booleans(),
    st.none(),
    st.lists(st.floats(), max_size=5),
    st.dictionaries(st.text(max_size=5), st.floats(), max_size=3),
    st.sampled_from([0.0, -0.0, 1e-300, 1e300, 1e400, 10**400, -1, 2**63, "NaN", "matrix", "geometry"]),
)
"""In place of any value of a document."""


def documents(count: int, first_seed: int) -> dict[str, Any]:
    """Spoilt documents, ``count`` of each kind, and as many strings of bytes."""
    found = Found()
    places = list(_places(calibration_document()))
    matrix = {
        "type": "matrix",
        "columns": 1024,
        "rows": 1024,
        "projection": [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]],
    }
    kept = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @seed(first_seed)
    @kept
    @given(st.lists(st.tuples(st.sampled_from(places), ODD), min_size=1, max_size=4), st.booleans())
    def spoilt_calibration(changes: list[tuple[tuple[str | int, ...], Any]], has_matrix: bool) -> None:
        document: Any = copy.deepcopy(calibration_document())
        for place, value in changes:
            _put(document, place, value)
        if has_matrix:
            document["lat"] = matrix
        with found.watch(), np.errstate(all="ignore"):
            build_geometry(parse_calibration(json.dumps(document).encode("utf-8", "surrogatepass")))

    @seed(first_seed)
    @kept
    @given(st.dictionaries(st.sampled_from(["method", "geometry", "levels", "seed", "device", "x"]), ODD, max_size=4))
    def spoilt_options(document: dict[str, Any]) -> None:
        with found.watch():
            parse_options(json.dumps(document).encode("utf-8", "surrogatepass"))

    @seed(first_seed)
    @kept
    @given(st.binary(max_size=60), st.integers(0, 2000))
    def bytes_in_a_document(inserted: bytes, position: int) -> None:
        text = json.dumps(calibration_document()).encode()
        with found.watch():
            parse_calibration(text[:position] + inserted + text[position:])

    for run in (spoilt_calibration, spoilt_options, bytes_in_a_document):
        run()
    return found.record() | {"peak_mib": _peak_mib()}


def _places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a value may be replaced."""
    if path:
        yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield from _places(value, (*path, key))


def _put(document: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Replace, where an earlier change has left the place."""
    *parents, last = path
    for key in parents:
        try:
            document = document[key]
        except (TypeError, KeyError, IndexError):
            return
    with suppress(TypeError, KeyError, IndexError):
        document[last] = value


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
        wholes = [_made(maker, Path(folder) / "film") for maker in MAKERS.values()]
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


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def block(chosen: argparse.Namespace, first_seed: int) -> dict[str, Any]:
    """All parts with one seed."""
    return {
        "seed": first_seed,
        "files": files(chosen.files, first_seed),
        "documents": documents(chosen.documents, first_seed),
        "service": service(chosen.requests, chosen.pairs, first_seed),
    }


def summary(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums of the counts, largest of the peaks, all names."""
    served = [each["service"] for each in blocks]
    statuses: Counter[str] = Counter()
    for each in served:
        statuses.update(each["statuses"])
    return {
        "files": {
            **{part: _sum([each["files"][part] for each in blocks]) for part in ("inspected", "decoded")},
            "peak_mib": max(each["files"]["peak_mib"] for each in blocks),
        },
        "documents": _sum([each["documents"] for each in blocks])
        | {"peak_mib": max(each["documents"]["peak_mib"] for each in blocks)},
        "service": {
            "requests": statuses.total(),
            "answers_5xx": sum(each["answers_5xx"] for each in served),
            "statuses": dict(sorted(statuses.items())),
            REACHED: sorted({name for each in served for name in each[REACHED]}),
            "peak_mib": max(each["peak_mib"] for each in served),
        },
    }


def _sum(parts: list[dict[str, Any]]) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    for each in parts:
        outcomes.update(each["outcomes"])
    return {
        "inputs": outcomes.total(),
        "untyped_errors": sum(each["untyped_errors"] for each in parts),
        "outcomes": dict(outcomes.most_common()),
        "first_untyped": [text for each in parts for text in each["first_untyped"]][:5],
    }


def render(record: dict[str, Any]) -> str:
    """Markdown of the record."""
    machine, rows = record["machine"], []
    looked, decoded = record["files"]["inspected"], record["files"]["decoded"]
    peak_mib = record["files"]["peak_mib"]
    for name, found in (("files, checked and separated from names", looked), ("... decoded", decoded)):
        rows.append(f"| {name} | {found['inputs']} | {found['untyped_errors']} untyped errors | {peak_mib} MiB |")
    spoilt, served = record["documents"], record["service"]
    rows.append(
        f"| documents | {spoilt['inputs']} | {spoilt['untyped_errors']} untyped errors | {spoilt['peak_mib']} MiB |"
    )
    answered = f"{served['requests']} | {served['answers_5xx']} x 5xx | {served['peak_mib']} MiB"
    rows.append(f"| requests to a running service | {answered} |")
    total = looked["inputs"] + decoded["inputs"] + spoilt["inputs"] + served["requests"]
    lines = [
        "# Hostile input",
        "",
        f"Made by `{record['command']}` on {machine['processor']}, {machine['cores']} cores: **{total} inputs** in "
        f"{record['blocks']} blocks with seeds of their own.",
        "",
        "| | inputs | found | peak memory of the reading process |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Accepted of the files: {looked['outcomes'].get('accepted', 0)}; of the documents: "
        f"{spoilt['outcomes'].get('accepted', 0)}. Behind the finished job answered 2xx: "
        + ", ".join(f"`{name}`" for name in served[REACHED])
        + ".",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run the blocks that are not done yet, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--files", type=int, default=18_000, help="damaged files of each block")
    parser.add_argument("--documents", type=int, default=500, help="of each of three kinds")
    parser.add_argument("--requests", type=int, default=30, help="of each operation")
    parser.add_argument("--pairs", type=int, default=200, help="damaged pairs sent to the service")
    parser.add_argument("--seed", type=int, default=0, help="of the first block")
    parser.add_argument("--work", type=Path, help="folder of finished blocks, to take a run up again")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    sizes = f"--files {chosen.files} --documents {chosen.documents} --requests {chosen.requests} --pairs {chosen.pairs}"
    blocks = []
    for number in range(chosen.seed, chosen.seed + chosen.blocks):
        kept = chosen.work / f"{sizes.replace('--', '').replace(' ', '-')}-{number}.json" if chosen.work else None
        if kept is None or not kept.exists():
            found = block(chosen, number)
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(found))
        else:
            found = json.loads(kept.read_text())
        blocks.append(found)
    record = {
        "command": f"python -m benchmarks.fuzz --blocks {chosen.blocks} {sizes} --seed {chosen.seed}",
        "machine": describe("hypothesis", "schemathesis", "pydicom", "pillow", "fastapi"),
        "blocks": len(blocks),
        **summary(blocks),
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "fuzz.json").write_text(json.dumps(record, indent=1) + "\n")
    (chosen.out / "fuzz.md").write_text(render(record))
    print(render(record))


if __name__ == "__main__":
    main()
