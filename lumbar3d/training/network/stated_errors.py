"""Factors of the stated errors, from errors that are known; none below one.

Errors of simulated people, even with forms and edges of bone as varied as in training, are those of a renderer that the
networks have learned from. Where they are larger than stated, those of real people are so too; where they are smaller,
it proves nothing, since errors of real people by another renderer are larger (``benchmarks/results/coverage.md`` has
both).

``python -m benchmarks.coverage --first 640 --patients 60 --deviations d.json``, then
``python -m lumbar3d.training.network.stated_errors --deviations d.json --out ssm_assets``. The people are simulated,
held out, of varied form and edges, and are not those on whom the result is measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.measurement.stated_errors import STATED_ERRORS, checksums
from lumbar3d.shape.assets import AssetStore
from lumbar3d.training.manifest import AssetEntry, record_asset

WITHIN = {0.6827: 1.0, 0.95: 1.96}
"""Share of errors that a Gaussian has within so many standard errors."""
PRIOR_COUNT = 20
"""So many numbers a measurement's own are worth less than what holds for all: few people have one lordosis each."""
MADE_WITH = ("network", "refiner", *(f"ssm_{level}" for level in LEVELS))


def factors(deviations: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, float]:
    """Factor by code from pairs of error and the posterior's standard error, drawn towards that of all, or one."""
    pairs = {code: np.array(found, dtype=np.float64) for code, found in deviations.items() if found}
    every = max(0.0, np.log(_factor(np.concatenate(list(pairs.values())))))
    return {code: round(max(1.0, np.exp(_drawn(found, every))), 3) for code, found in sorted(pairs.items())}


def _drawn(found: Array, every: float) -> float:
    return float((len(found) * np.log(_factor(found)) + PRIOR_COUNT * every) / (len(found) + PRIOR_COUNT))


def _factor(pairs: Array) -> float:
    """What both shares ask for, in the geometric mean: tails are heavier than a Gaussian's."""
    scaled = np.abs(pairs[:, 0]) / pairs[:, 1]
    asked = [np.quantile(scaled, share) / width for share, width in WITHIN.items()]
    return float(np.exp(np.log(asked).mean()))


def write(document: Mapping[str, Any], out: Path) -> None:
    """Write the asset and its record."""
    store = AssetStore.open(out)
    made_with = checksums(store, MADE_WITH)
    content = {"made_with": made_with, "factors": factors(document["deviations"]), "people": document["people"]}
    (out / f"{STATED_ERRORS}.json").write_text(json.dumps(content, indent=1) + "\n")
    entry = AssetEntry(
        name=STATED_ERRORS,
        file=f"{STATED_ERRORS}.json",
        version=store.records["refiner"]["version"],
        units="1",
        provenance=f"errors of measurements on {document['people']}, by lumbar3d/training/network/stated_errors.py",
        licence="Apache-2.0",
    )
    record_asset(out, entry)


def main() -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deviations", type=Path, required=True, help="what benchmarks.coverage --deviations wrote")
    parser.add_argument("--out", type=Path, default=Path("ssm_assets"))
    arguments = parser.parse_args()
    write(json.loads(arguments.deviations.read_text()), arguments.out)


if __name__ == "__main__":
    main()
