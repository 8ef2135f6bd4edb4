"""Fitting what true films are like, and writing it into a network's file."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from lumbar3d.detection.out_of_distribution import NoveltyScale  # noqa: E402
from lumbar3d.shape.assets import AssetStore  # noqa: E402
from lumbar3d.training.manifest import AssetEntry, record_asset  # noqa: E402
from lumbar3d.training.network.export import METADATA  # noqa: E402
from lumbar3d.training.network.out_of_distribution import fit, write  # noqa: E402

RNG = np.random.default_rng(0)
DIRECTIONS = np.linalg.qr(RNG.normal(size=(40, 6)))[0].T * np.array([[6.0], [5.0], [4.0], [4.0], [3.0], [3.0]])
OFFSETS, SCALES = RNG.normal(size=40), RNG.uniform(0.2, 3.0, 40)


def films(count):
    """Features with six directions in which films differ, on very different scales."""
    mixed = RNG.normal(size=(count, 6)) @ DIRECTIONS + 0.5 * RNG.normal(size=(count, 40))
    return OFFSETS + SCALES * mixed


def test_one_in_a_hundred_other_films_is_beyond_the_unit():
    scale = fit(films(200))
    assert len(scale.variances) == 8
    beyond = (scale.score(films(20_000)) > 1.0).mean()
    assert 0.002 < beyond < 0.05


def test_films_that_differ_in_another_way_are_far_away():
    scale = fit(films(200))
    strange = films(200) + SCALES * 2.0
    assert np.median(scale.score(strange)) > 1.5 > np.quantile(scale.score(films(200)), 0.99)


def test_a_feature_that_never_changed_does_not_decide_alone():
    flat = films(200)
    flat[:, 3] = 1.0
    scale = fit(flat)
    assert scale.sd.min() > 0.0 and np.isfinite(scale.score(films(5))).all()


def test_what_is_written_is_read_back_and_nothing_is_lost(tmp_path):
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "ab"]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", ends[:1], ends[1:]))
    onnx.helper.set_model_props(model, {METADATA: json.dumps({"other": 1}), "someone": "else"})
    onnx.save(model, tmp_path / "network.onnx")
    before = record_asset(tmp_path, AssetEntry("network", "network.onnx", "1", "px", "made here", "Apache-2.0"))
    scale = fit(films(60))
    write(AssetStore.open(tmp_path), "network", {"ap": scale, "lat": scale})
    store = AssetStore.open(tmp_path)
    assert store.records["network"]["sha256"] != before and store.records["network"]["provenance"] == "made here"
    notes = {entry.key: entry.value for entry in onnx.load(store.path("network")).metadata_props}
    assert notes["someone"] == "else" and json.loads(notes[METADATA])["other"] == 1
    again = NoveltyScale.from_record(json.loads(notes[METADATA])["novelty"]["lat"])
    some = films(5)
    assert np.allclose(again.score(some), scale.score(some), rtol=1e-3)
