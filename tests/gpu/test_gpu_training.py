"""Training steps on a CUDA device; run with -m gpu where one is."""

import json

import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from lumbar3d.training.network.command import app  # noqa: E402

pytestmark = pytest.mark.gpu


def test_both_networks_train_on_cuda_and_go_on_with_the_cpu(tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no CUDA device")
    coarse, refiner = tmp_path / "coarse", tmp_path / "refiner"
    trainings = (
        (["coarse", coarse], {"cuda": 96, "cpu": 112}),
        (["refiner", refiner, "--coarse", coarse], {"cuda": 160, "cpu": 200}),
    )
    for device in ("cuda", "cpu"):
        for arguments, counts in trainings:
            options = ["--samples", counts[device], "--workers", 0, "--device", device]
            result = CliRunner().invoke(app, [str(part) for part in (*arguments, *options)], catch_exceptions=False)
            assert json.loads(result.output.splitlines()[-1])["samples"] == counts[device]
