"""Training steps on a CUDA device; run with -m gpu where one is."""

import json

import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from training.network.command import app  # noqa: E402

pytestmark = pytest.mark.gpu


def test_both_networks_train_on_cuda_and_go_on_with_the_cpu(tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no CUDA device")
    coarse, refiner = tmp_path / "coarse", tmp_path / "refiner"
    for device, samples in (("cuda", 48), ("cpu", 96)):
        for arguments in (["coarse", coarse], ["refiner", refiner, "--coarse", coarse]):
            count = samples if arguments[0] == "coarse" else 10 * samples // 4
            options = ["--samples", count, "--workers", 0, "--device", device]
            result = CliRunner().invoke(app, [str(part) for part in (*arguments, *options)], catch_exceptions=False)
            assert json.loads(result.output.splitlines()[-1])["samples"] == count
