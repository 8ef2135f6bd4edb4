"""``lumbar3d train`` on the command line: both networks, in two runs each, on a handful of simulated films."""

import json

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from lumbar3d.training.network import blocks, refiner_samples, samples  # noqa: E402
from lumbar3d.training.network.checkpoint import load_state  # noqa: E402
from lumbar3d.training.network.command import app  # noqa: E402


def command(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def two_patients_per_block(monkeypatch):
    monkeypatch.setattr(refiner_samples, "FILMS_PER_VIEW", 1)
    for module, name, size in ((samples, "CoarseBlocks", 12), (refiner_samples, "CropBlocks", 20)):
        monkeypatch.setattr(module, "PATIENTS_PER_BLOCK", 2)
        monkeypatch.setattr(getattr(module, name), "size", size)


def test_both_networks_train_in_several_runs(tmp_path, two_patients_per_block):
    coarse, refiner = tmp_path / "coarse", tmp_path / "refiner"
    first = command("coarse", coarse, "--samples", 16, "--minutes", 0, "--workers", 0)
    assert first == {"samples": 8, "of": 16, "state": "to be continued: run the same command again"}
    assert command("coarse", coarse, "--samples", 16, "--workers", 0)["state"] == "complete"
    assert command("refiner", refiner, "--coarse", coarse, "--samples", 20, "--workers", 0)["samples"] == 20
    assert load_state(coarse)["images"] == 16 and load_state(refiner)["images"] == 20
    for folder, terms in ((coarse, {"heatmap", "votes"}), (refiner, {"entropy", "distance"})):
        assert (folder / "losses.png").stat().st_size > 5000
        record = json.loads((folder / "progress.jsonl").read_text().splitlines()[-1])
        assert {"images", "ncc", "square", "silhouette", "total"} | terms == set(record)


def test_blocks_repeat_and_differ(tmp_path, two_patients_per_block):
    one, again = samples.CoarseBlocks(), samples.CoarseBlocks()
    first, second = one[0], one[1]
    assert not torch.equal(first["image"], second["image"])
    for name, part in again[1].items():
        assert torch.equal(part, second[name]), name
    assert first["image"].shape == (12, 1, 256, 256) and isinstance(one, blocks.Blocks)


def test_held_out_patients_are_never_trained_on():
    crops = refiner_samples.FIRST_SEED
    assert samples.block_seeds(samples.FIRST_SEED, 150_000, samples.PATIENTS_PER_BLOCK).stop < crops
    assert samples.block_seeds(crops, 300_000, refiner_samples.PATIENTS_PER_BLOCK).stop < samples.HELD_OUT_SEEDS.start
