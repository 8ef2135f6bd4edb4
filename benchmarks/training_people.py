"""Fracture rates of training and of test people: ``python -m benchmarks.training_people --people 400``.

The people whose films ``Simulator`` makes, after those have been left out whose surfaces could not be made. Writes
``benchmarks/results/training_people.{json,md}``.
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from benchmarks.records import write
from lumbar3d.anatomy import PLATES
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.radiographs.simulate import COMPLETE, MEASURING, Simulator
from lumbar3d.training.radiographs.spine import Spine

FIRST_PERSON = 15_000_000
"""In no training and no other benchmark."""
LOW_MM = 12.0
GRADED = re.compile(r"(wedge|biconcave|crush) fracture, grade (\d)")
VARIETIES = {"training": COMPLETE, "measuring": MEASURING}


@dataclass(frozen=True)
class Count:
    """Counts of disorders among some people.

    Attributes
    ----------
    people, vertebrae : int
    grades : list of int
        Vertebrae with a fracture of Genant's grade 1, 2, 3.
    kinds : dict of str to int
        Of the fractures.
    low : int
        Vertebrae less than ``LOW_MM`` high between the middles of their plates.
    lowest_mm : float
    with_it : dict of str to int
        People with a disorder.
    seconds_each : float
        Processor time for a new person.
    """

    people: int
    vertebrae: int
    grades: list[int]
    kinds: dict[str, int]
    low: int
    lowest_mm: float
    with_it: dict[str, int]
    seconds_each: float


def count(spines: list[Spine], seconds: float) -> Count:
    """Count disorders of people that took some time to make."""
    found = [" ".join(spine.diagnoses) for spine in spines]
    fractures = [match for text in found for match in GRADED.findall(text)]
    plates = np.stack([vertebra.landmarks_mm[PLATES] for spine in spines for vertebra in spine.lumbar])
    heights = np.linalg.norm(plates[:, 0] - plates[:, 1], axis=1)
    names = ("fracture", "osteophytes", "uneven plates", "slip", "scoliosis", "worn disc")
    return Count(
        people=len(spines),
        vertebrae=len(heights),
        grades=[sum(grade == str(k) for _, grade in fractures) for k in (1, 2, 3)],
        kinds={kind: sum(kind == other for other, _ in fractures) for kind in ("wedge", "biconcave", "crush")},
        low=int((heights < LOW_MM).sum()),
        lowest_mm=round(float(heights.min()), 1),
        with_it={name: sum(name in text for text in found) for name in names},
        seconds_each=round(seconds / len(spines), 3),
    )


def markdown(counts: dict[str, Count], record: dict[str, object]) -> str:
    """A column for each."""
    rows = ["| | " + " | ".join(f"{name}, {c.people} people" for name, c in counts.items()) + " |"]
    rows.append("|---|" + "---|" * len(counts))

    def row(title: str, values: list[str]) -> None:
        rows.append(f"| {title} | " + " | ".join(values) + " |")

    every = list(counts.values())
    for k in range(3):
        row(f"fractures of grade {k + 1} in 1000 vertebrae", [f"{1000 * c.grades[k] / c.vertebrae:.1f}" for c in every])
    for kind in every[0].kinds:
        row(f"of them {kind}, counted", [str(c.kinds[kind]) for c in every])
    row(f"lower than {LOW_MM:.0f} mm in the middle, of 1000", [f"{1000 * c.low / c.vertebrae:.1f}" for c in every])
    row("lowest middle height, mm", [f"{c.lowest_mm:.1f}" for c in every])
    for name in every[0].with_it:
        row(f"people with {name}, %", [f"{100 * c.with_it[name] / c.people:.0f}" for c in every])
    row("processor seconds for a new person", [f"{c.seconds_each:.2f}" for c in every])
    return "\n".join([*rows, "", *(f"- {name}: {value}" for name, value in record.items())]) + "\n"


def main() -> None:
    """Draw, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    models, counts = load_shape_models(AssetStore.open()), dict[str, Count]()
    for name, variety in VARIETIES.items():
        simulator, start = Simulator(models, variety), time.process_time()
        places = range(FIRST_PERSON, FIRST_PERSON + arguments.people)
        spines = [simulator.spine(place * variety.pairs_per_person) for place in places]
        counts[name] = count(spines, time.process_time() - start)
    record: dict[str, object] = {"machine": describe("numpy")}
    write(
        arguments.out,
        "training_people",
        {**record, **{name: asdict(found) for name, found in counts.items()}},
        markdown(counts, record),
    )


if __name__ == "__main__":
    main()
