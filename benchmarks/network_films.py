"""Network on real single films: ``python -m benchmarks.network_films --data DIR [--films FOLDER] [--pairs]``.

``DIR`` holds ``annotations.json`` as ``film_folder`` describes it, and the films unless ``--films`` says where they
lie. Every film is read in a nominal room at several scales of its assumed pixel size, as the detection stage reads each
of two (``film_reading``). ``--pairs``: films of one person and date in both views through the whole detection stage.
Writes ``benchmarks/results/network_films.{json,md}``: figures only, no picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.film_folder import ANNOTATIONS, RealFilm, load_films
from benchmarks.film_pairs import ask_pair, pairs_of
from benchmarks.film_reading import READ, RIGHT, SHIFTED, read_film, score
from benchmarks.machine import describe
from benchmarks.network_films_report import markdown
from benchmarks.records import write
from lumbar3d.contracts import VIEWS
from lumbar3d.detector import Detector
from lumbar3d.shape.assets import AssetStore

ASSUMED, SCALES = 1.0, (0.92, 1.0, 1.08, 1.16)
"""Of the assumed pixel size."""


def ask(detector: Detector, film: RealFilm, scale: float) -> dict[str, Any]:
    """One film at one scale: what was said and how right it is."""
    beam = film.beam(scale)
    outcome = read_film(detector, film.network_view(beam))
    found = outcome.found
    return {
        "film": film.name,
        "view": film.view,
        "scale": scale,
        "code": outcome.code,
        "words": outcome.words,
        "confidence": found.confidence.round(3).tolist(),
        "novelty": None if found.novelty is None else round(found.novelty, 2),
        **asdict(score(film, beam, found)),
    }


def pooled(readings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Over some readings of films: how many were read and how; distances of all rightly named bodies, read or not."""
    read = [one["verdict"] for one in readings if one["code"] == READ]
    refused = [one["verdict"] for one in readings if one["code"] != READ]
    return {
        "readings": len(readings),
        "read": len(read),
        "read_right": read.count(RIGHT),
        "read_shifted": read.count(SHIFTED),
        "read_mixed": len(read) - read.count(RIGHT) - read.count(SHIFTED),
        "refused_right": refused.count(RIGHT),
        "levels": sum(one["levels"] for one in readings),
        "right_levels": sum(one["right_levels"] for one in readings),
        **{f"{name}_median": _median(readings, name) for name in ("centre_mm", "plate_mm", "coverage", "height")},
    }


def _median(readings: Sequence[dict[str, Any]], name: str) -> float | None:
    values = [value for one in readings for value in one[name]]
    return round(float(np.median(values)), 3) if values else None


def groups(readings: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """View, scales and what is pooled over them."""
    for view in VIEWS:
        own = [one for one in readings if one["view"] == view]
        if own:
            yield view, "as assumed", pooled([one for one in own if one["scale"] == ASSUMED])
            yield view, f"{len(SCALES)} scales", pooled(own)


def report(detector: Detector, store: AssetStore, data: Path, films: Sequence[RealFilm], pairs: bool) -> dict[str, Any]:
    """Everything that is written."""
    readings = [ask(detector, film, scale) for film in films for scale in SCALES]
    people = len({film.person.split()[0] for film in films})
    assets = {name: store.describe(name) for name in ("network", "refiner")}
    return {
        "data": f"{len(films)} real films of {people} people, annotated by hand; annotations "
        + sha256((data / ANNOTATIONS).read_bytes()).hexdigest()[:12],
        "machine": {**describe("onnxruntime", "numpy"), "threads": 1},
        "assets": {name: f"{asset.version}, {asset.sha256[:12]}" for name, asset in assets.items()},
        "readings": readings,
        "pooled": [{"view": view, "scales": scales, **group} for view, scales, group in groups(readings)],
        "pairs": [ask_pair(detector, *pair, scale) for pair in pairs_of(films) for scale in SCALES] if pairs else [],
    }


def main() -> None:
    """Parse the command line, ask, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {ANNOTATIONS}")
    parser.add_argument("--films", type=Path, help="folder with the films, if another")
    parser.add_argument("--pairs", action="store_true", help="also send films of one person and date as pairs")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    try:
        films = load_films(arguments.data, arguments.films)
    except (OSError, ValueError, KeyError, TypeError) as error:
        parser.error(f"the films cannot be read: {error!r}")
    store = AssetStore.open(arguments.assets)
    found = report(Detector.load(store, threads=1), store, arguments.data, films, arguments.pairs)
    write(arguments.out, "network_films", found, markdown(found))


if __name__ == "__main__":
    main()
