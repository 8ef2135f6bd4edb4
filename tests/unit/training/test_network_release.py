"""A released state: what it holds, that it was not changed, and trainings that begin with it."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lumbar3d.training.network.checkpoint import load_state  # noqa: E402
from lumbar3d.training.network.errors import TrainingStateError  # noqa: E402
from lumbar3d.training.network.multitask import MultiTaskNetwork  # noqa: E402
from lumbar3d.training.network.release import RECORD, release  # noqa: E402
from lumbar3d.training.network.train import coarse_loss  # noqa: E402
from lumbar3d.training.network.trainer import Schedule, Trainer  # noqa: E402
from lumbar3d.training.network.weights import average_network, begin_from  # noqa: E402

SCHEDULE = Schedule(samples=80)


def network(outputs=3, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Conv2d(1, outputs, 3), torch.nn.BatchNorm2d(outputs))


def loss(network, batch):
    return {"total": network(batch["image"]).square().mean() + network[0].weight.square().sum()}


def trainer(folder, outputs=3, seed=0):
    return Trainer(network(outputs, seed), loss, SCHEDULE, folder, notes={"network": "Tiny"})


@pytest.fixture
def trained(tmp_path):
    training = trainer(tmp_path / "run")
    for k in range(5):
        training.step({"image": torch.full((4, 1, 8, 8), 0.1 * k) + torch.rand(4, 1, 8, 8)})
    training.save()
    return training


@pytest.fixture
def released(tmp_path, trained):
    release(tmp_path / "run", tmp_path / "out")
    return tmp_path / "out"


def test_a_release_holds_all_but_the_optimiser(trained, released):
    state, record = load_state(released), json.loads((released / RECORD).read_text())
    assert set(state) == {"network", "average", "images", "before", "skipped", "recipe", "source"}
    assert torch.equal(state["network"]["0.weight"], trained.network[0].weight)
    assert torch.equal(average_network(network(), released)[0].weight, trained.average[0].weight)
    assert record["samples"] == 20 and record["recipe"]["network"] == "Tiny"
    assert record["recipe"]["peak_rate"] == SCHEDULE.peak_rate and record["licence"] == "Apache-2.0"
    assert {path.name for path in released.iterdir()} == {RECORD, *record["files"]}


def test_a_release_of_the_real_network_is_one_small_file(tmp_path):
    Trainer(MultiTaskNetwork(), coarse_loss, SCHEDULE, tmp_path / "run").save()
    files = release(tmp_path / "run", tmp_path / "out")["files"]
    assert len(files) == 1 and all(said["bytes"] < 16 * 2**20 for said in files.values())


@pytest.mark.parametrize("outputs", [3, 5])
def test_a_training_begins_with_a_release(tmp_path, trained, released, outputs):
    begin_from(released, tmp_path / "new", network(outputs, seed=1))
    begun, fresh = trainer(tmp_path / "new", outputs, seed=1), network(outputs, seed=1)
    assert begun.images == 0 and not begun.optimiser.state
    for found in (begun.network[0].weight, begun.average[0].weight):
        assert torch.equal(found[:3], trained.average[0].weight) and torch.equal(found[3:], fresh[0].weight[3:])
    assert torch.equal(begun.average[1].running_var[:3], trained.average[1].running_var)
    start = begun.network[0].weight.detach().clone()
    begun.step({"image": torch.rand(4, 1, 8, 8)})
    moved = float((begun.network[0].weight - start).detach().abs().max())
    assert 0.0 < moved < 0.06 * SCHEDULE.peak_rate  # an optimiser without moments takes a full step: the rate is low
    begun.save()
    origin = load_state(tmp_path / "new")["source"]
    assert origin["samples"] == 20 and origin["recipe"]["network"] == "Tiny" and len(origin["sha256"]) == 64


def test_a_training_begins_with_the_weights_of_a_file(tmp_path, trained):
    weights = {name: part.numpy() for name, part in trained.average.state_dict().items()}
    np.savez(tmp_path / "weights.npz", **weights)
    begin_from(tmp_path / "weights.npz", tmp_path / "new", network(5, seed=1))
    begun = trainer(tmp_path / "new", 5)
    assert torch.equal(begun.network[0].weight[:3], trained.average[0].weight)
    assert torch.equal(begun.average[1].running_mean[:3], trained.average[1].running_mean)


def test_another_networks_weights_are_refused(tmp_path, released):
    with pytest.raises(TrainingStateError, match=r"not a state of this network: 1\.bias"):
        begin_from(released, tmp_path / "new", torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3)))
    with pytest.raises(TrainingStateError, match=r"0\.bias"):
        begin_from(released, tmp_path / "new", network(2))
    for nonsense in (b"", b"weights", b"PK\x03\x04 weights"):
        (tmp_path / "bad.npz").write_bytes(nonsense)
        with pytest.raises(TrainingStateError, match="cannot be read"):
            begin_from(tmp_path / "bad.npz", tmp_path / "new", network())
    assert load_state(tmp_path / "new") is None


def test_a_changed_release_is_refused(tmp_path, released):
    piece = next(path for path in released.iterdir() if path.name != RECORD)
    data = bytearray(piece.read_bytes())
    data[len(data) // 2] ^= 1
    piece.write_bytes(data)
    with pytest.raises(TrainingStateError, match=r"is not what release\.json says"):
        begin_from(released, tmp_path / "new", network())
    piece.unlink()
    with pytest.raises(TrainingStateError, match="is missing"):
        average_network(network(), released)


def test_a_release_is_written_once_and_not_trained_on(tmp_path, released):
    with pytest.raises(TrainingStateError, match="is not empty"):
        release(tmp_path / "run", released)
    with pytest.raises(TrainingStateError, match="no training state"):
        release(tmp_path / "nowhere", tmp_path / "other")
    with pytest.raises(TrainingStateError, match="begin another training from it"):
        trainer(released)
