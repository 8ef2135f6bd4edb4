"""Out-of-distribution scale: features of true films of held-out patients, written into the network's file.

``python -m lumbar3d.training.network.out_of_distribution --assets DIR --surroundings DIR``: after every export of
the first
network. The
patients are neither those of the landmark calibration nor any on whom results are measured; half of their films are the
measuring simulator's, half stand in the surroundings of training.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from lumbar3d.arrays import Array, Image
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.first_pass import shrink
from lumbar3d.detection.onnx_session import open_session, run_session
from lumbar3d.detection.orientation import view_code
from lumbar3d.detection.out_of_distribution import NoveltyScale
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.manifest import AssetEntry, record_asset
from lumbar3d.training.network.export import METADATA
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.simulate import Simulator
from lumbar3d.training.surroundings.components import Maker
from lumbar3d.training.surroundings.library import Library
from lumbar3d.training.surroundings.mixer import WHOLE_SPINE, Mixer

FIRST_PATIENT, PATIENTS = 700, 200
PARTS = 5
AXES = (4, 8, 16, 32, 64)
"""Numbers of axes that are tried."""
LEAST_SD_SHARE = 0.05
"""Of the median SD: a feature that hardly varies here must not decide alone when it does elsewhere."""
USUAL_SHARE = 0.99


def features(session: Any, films: Sequence[Image], codes: Sequence[Image]) -> Array:
    """(n, F) features of films (256, 256) in canonical orientation."""
    inputs = {"image": np.stack(films)[:, None], "view": np.stack(codes)}
    return np.asarray(run_session(session, inputs)[3], dtype=np.float64)


def true_films(session: Any, models: tuple[ShapeModel, ...], folder: Path | None, seeds: range) -> dict[str, Array]:
    """Features (n, F) per view of films on which five lumbar vertebrae are whole."""
    found: dict[str, list[Array]] = {view: [] for view in VIEWS}
    simulator = Simulator(models)
    mixer = Mixer(Maker(simulator, Library.read(folder)), seeds.start, WHOLE_SPINE)
    for seed in seeds[::2]:
        pair = simulator.pair(seed)
        films, codes = [shrink(view.pixels) for view in pair], [view_code(view.projection, view.view) for view in pair]
        for view, part in zip(VIEWS, features(session, films, codes), strict=True):
            found[view].append(part)
    for seed in seeds[1::2]:
        for parts in mixer.lend(seed):
            film = mixer.film(parts)
            if film.visible.all():
                found[film.view].append(features(session, [film.pixels], [film.code])[0])
    return {view: np.stack(parts) for view, parts in found.items()}


def fit(found: Array) -> NoveltyScale:
    """Scale of the features (n, F) of one view: as many axes as explain other films best, unit from other films too."""
    splits = list(_parts(found))
    most = min(min(len(rest) for _, rest in splits), found.shape[1]) - 1
    worth = {
        count: np.mean([_likelihood(fit_axes(rest, count), part) for part, rest in splits])
        for count in AXES
        if count < most
    }
    count = max(worth, key=worth.__getitem__)
    left_out = np.concatenate([fit_axes(rest, count).score(part) for part, rest in splits])
    return replace(fit_axes(found, count), unit=float(np.quantile(left_out, USUAL_SHARE)))


def fit_axes(found: Array, count: int) -> NoveltyScale:
    """Mean, SDs and the first ``count`` principal axes; the rest of the variance alike in all other directions."""
    mean, sd = found.mean(axis=0), found.std(axis=0)
    sd = np.maximum(sd, LEAST_SD_SHARE * np.median(sd))
    standard = (found - mean) / sd
    _, singular, axes = np.linalg.svd(standard, full_matrices=False)
    variances = singular**2 / (len(found) - 1)
    rest = (variances.sum() - variances[:count].sum()) / (found.shape[1] - count)
    return NoveltyScale(mean, sd, axes[:count], np.maximum(variances[:count], rest), float(rest))


def _likelihood(scale: NoveltyScale, found: Array) -> float:
    """Mean log likelihood of features (n, F) up to a constant."""
    width = len(scale.mean)
    spread = np.log(scale.variances).sum() + (width - len(scale.variances)) * np.log(scale.rest_variance)
    volume = spread / 2 + np.log(scale.sd).sum()
    return float(-(scale.score(found) ** 2).mean() / 2 - volume)


def _parts(found: Array) -> Iterator[tuple[Array, Array]]:
    """Each fifth of the films, and the other four fifths."""
    of = np.arange(len(found)) % PARTS
    for part in range(PARTS):
        yield found[of == part], found[of != part]


def write(store: AssetStore, name: str, scales: dict[str, NoveltyScale]) -> None:
    """Put the scales beside what the file's metadata say already, and the new checksum in the manifest."""
    path = store.path(name)
    model = onnx.load(path)
    notes = {entry.key: entry.value for entry in model.metadata_props}
    ours = json.loads(notes.get(METADATA, "{}")) | {"novelty": {view: scale.record() for view, scale in scales.items()}}
    onnx.helper.set_model_props(model, notes | {METADATA: json.dumps(ours)})
    onnx.save(model, path)
    record = {key: value for key, value in store.records[name].items() if key != "sha256"}
    record_asset(store.directory, AssetEntry(**record))


def main() -> None:
    """Parse the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--surroundings", type=Path, help="folder with real trunks and pelves; none: all are invented")
    parser.add_argument("--patients", type=int, default=PATIENTS)
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    seeds = HELD_OUT_SEEDS[FIRST_PATIENT : FIRST_PATIENT + arguments.patients]
    session = open_session(store, "network", threads=1)
    found = true_films(session, load_shape_models(store), arguments.surroundings, seeds)
    scales = {view: fit(part) for view, part in found.items()}
    write(store, "network", scales)
    for view, scale in scales.items():
        print(
            f"{view}: {len(found[view])} films, {len(scale.variances)} of {len(scale.mean)} axes, unit {scale.unit:.2f}"
        )


if __name__ == "__main__":
    main()
