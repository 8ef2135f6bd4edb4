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
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import rounds
from benchmarks.fuzz_documents import documents
from benchmarks.fuzz_files import files
from benchmarks.fuzz_service import REACHED, service
from benchmarks.machine import describe
from benchmarks.processes import ROOT
from benchmarks.records import write

RESULTS = ROOT / "benchmarks" / "results"


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
    rounds.add_arguments(parser, "block")
    parser.add_argument("--files", type=int, default=18_000, help="damaged files of each block")
    parser.add_argument("--documents", type=int, default=500, help="of each of three kinds")
    parser.add_argument("--requests", type=int, default=30, help="of each operation")
    parser.add_argument("--pairs", type=int, default=200, help="damaged pairs sent to the service")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    sizes = f"--files {chosen.files} --documents {chosen.documents} --requests {chosen.requests} --pairs {chosen.pairs}"
    blocks = rounds.run(chosen, sizes, lambda seed: block(chosen, seed))
    record = {
        "command": f"python -m benchmarks.fuzz --blocks {chosen.rounds} {sizes} --seed {chosen.seed}",
        "machine": describe("hypothesis", "schemathesis", "pydicom", "pillow", "fastapi"),
        "blocks": len(blocks),
        **summary(blocks),
    }
    write(chosen.out, "fuzz", record, render(record))


if __name__ == "__main__":
    main()
