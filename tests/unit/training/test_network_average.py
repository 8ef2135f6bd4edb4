"""Mean of several stages of one training."""

import pytest

torch = pytest.importorskip("torch")

from lumbar3d.training.network.average import averaged  # noqa: E402
from lumbar3d.training.network.checkpoint import load_state  # noqa: E402
from lumbar3d.training.network.errors import TrainingStateError  # noqa: E402
from lumbar3d.training.network.release import release  # noqa: E402
from lumbar3d.training.network.weights import average_network  # noqa: E402
from tests.unit.training.test_network_release import network, trained, trainer  # noqa: E402, F401


def test_the_mean_of_two_stages_is_a_state_to_export_and_release(tmp_path, trained):  # noqa: F811
    first, later = trained.folder, trainer(tmp_path / "later", seed=1)
    later.step({"image": torch.rand(4, 1, 8, 8)})
    later.save()
    averaged([first, later.folder], tmp_path / "mean")
    own = [load_state(folder)["average"] for folder in (first, later.folder)]
    mean = average_network(network(), tmp_path / "mean").state_dict()
    for name in ("0.weight", "1.running_mean"):
        assert torch.allclose(mean[name], (own[0][name] + own[1][name]) / 2)
    assert mean["1.num_batches_tracked"] == own[1]["1.num_batches_tracked"]
    said = release(tmp_path / "mean", tmp_path / "released")
    assert said["samples"] == 4 and [part["samples"] for part in said["source"]["mean_of"]] == [20, 4]


def test_other_networks_and_full_folders_are_refused(tmp_path, trained):  # noqa: F811
    other = trainer(tmp_path / "wider", outputs=5)
    other.save()
    with pytest.raises(TrainingStateError, match="differ"):
        averaged([trained.folder, other.folder], tmp_path / "mean")
    with pytest.raises(TrainingStateError, match="not empty"):
        averaged([trained.folder], trained.folder)
