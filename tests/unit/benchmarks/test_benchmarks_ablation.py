"""The ablation: variants differ in what they claim to differ in, see the same films, and are scored rightly."""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks import ablation, ablation_report  # noqa: E402
from benchmarks.ablation_films import Films, FilmStream, store  # noqa: E402
from benchmarks.ablation_score import score  # noqa: E402
from lumbar3d.detection.decode import MARKS  # noqa: E402
from lumbar3d.training.network.losses import VOTE_UNIT_PX, target_heatmap  # noqa: E402
from lumbar3d.training.network.variants import VARIANTS, combined  # noqa: E402
from lumbar3d.training.radiographs.simulate import Simulator  # noqa: E402
from tests.shipped import shipped_models  # noqa: E402

SIZE = 64


def small(name, seed=0):
    torch.manual_seed(seed)
    return VARIANTS[name].network(width=4, channels=8)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    return {
        "image": torch.rand(2, 1, SIZE, SIZE, generator=generator),
        "view": torch.tensor([[0.0, 1.0], [1.0, 1.0]]),
        "opacity": torch.randint(0, 255, (2, 5, SIZE, SIZE), generator=generator, dtype=torch.uint8),
        "landmarks": SIZE * torch.rand(2, 5, 7, 2, generator=generator),
        "present": torch.ones(2, 5),
        "marks": SIZE * torch.rand(2, len(MARKS), 2, generator=generator),
        "marks_present": torch.ones(2, len(MARKS)),
        "named": torch.ones(2),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films") / "films"
    store(folder, Simulator(shipped_models()), range(20_000_000, 20_000_002))
    return folder


def sees_the_other_path(name, batch):
    """Whether the votes' gradient reaches the decomposition's half of the fusions."""
    network = small(name)
    network(batch["image"], batch["view"])[2].sum().backward()
    halves = [fusion.decomposition.parameters() for fusion in network.fusions[:2]]
    return any(p.grad is not None and bool(p.grad.any()) for half in halves for p in half)


def test_paths_see_each_other_only_with_fusion(batch):
    assert sees_the_other_path("full", batch)
    assert not sees_the_other_path("no_fusion", batch)


def test_variants_share_first_weights_and_are_no_smaller_without_fusion():
    networks = {name: small(name, 3) for name in VARIANTS}
    sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    for part in ("encoder", "project", "sharpen", "heatmap", "votes"):
        weights = [torch.cat([p.flatten() for p in getattr(n, part).parameters()]) for n in networks.values()]
        assert all(torch.equal(weights[0], other) for other in weights[1:]), part
    assert 1.0 <= sizes["no_fusion"] / sizes["full"] < 1.1


TASKS = {"decomposition": {"ncc", "square", "silhouette"}, "landmarks": {"heatmap", "votes"}}


@pytest.mark.parametrize(("name", "idle"), [("decomposition", ("heatmap", "votes")), ("landmarks", ("decomposition",))])
def test_a_single_task_teaches_nothing_to_the_other_ones_head(name, idle, batch):
    network = small(name)
    terms = VARIANTS[name].loss(network, batch)
    terms["total"].backward()
    assert all(p.grad is None for head in idle for p in getattr(network, head).parameters())
    assert set(terms) == TASKS[name] | {"total"} and all(bool(term.isfinite()) for term in terms.values())
    assert any(p.grad is not None and bool(p.grad.any()) for p in network.encoder.parameters())


def test_one_image_is_taught_the_levels_together(batch):
    network = small("single_image")
    assert network(batch["image"], batch["view"])[0].shape == (2, 1, SIZE, SIZE)
    truth = combined(batch["opacity"].float() / 255.0)

    class Knows(torch.nn.Module):
        def forward(self, image, view):
            return truth, *network(image, view)[1:]

    with torch.no_grad():
        right, wrong = (VARIANTS["single_image"].loss(n, batch) for n in (Knows(), network))
    assert float(right["square"]) < 1e-12 < float(wrong["square"]) and float(right["ncc"]) < 1e-3 < float(wrong["ncc"])
    assert math.isfinite(right["votes"])


def test_levels_together_are_as_opaque_as_their_path_lengths_added():
    lengths = torch.tensor([10.0, 20.0, 0.0, 5.0, 1.0])
    opacity = (1.0 - torch.exp(-lengths / 30.0))[None, :, None, None]
    assert float(combined(opacity)) == pytest.approx(1.0 - math.exp(-36.0 / 30.0), abs=1e-6)


def test_every_variant_sees_every_film_once_an_epoch_in_the_same_order(folder):
    films = Films(folder)
    assert len(films) == 4 and films[1]["view"][0] == 1 and films[0]["image"].max() <= 1.0
    one, again = FilmStream(films, 2), FilmStream(films, 2)
    for index in range(4):
        assert all(torch.equal(part, again[index][name]) for name, part in one[index].items())
    known = torch.stack([films[k]["mm_per_px"] for k in range(4)])
    seen = [
        [int((known == mm).all((1, 2)).nonzero()) for k in (e, e + 1) for mm in one[k]["mm_per_px"]] for e in (0, 2)
    ]
    assert sorted(seen[0]) == sorted(seen[1]) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="whole number"):
        FilmStream(films, 3)


class Oracle(torch.nn.Module):
    """Says the truth of stored films, the opacity 0.04 % too low, all votes ``shift_px`` off in each direction."""

    def __init__(self, films, shift_px):
        super().__init__()
        self.films, self.shift_px, self.index = films, shift_px, -1

    def forward(self, image, view):
        self.index += 1
        film = self.films[self.index]
        landmarks = film["landmarks"][None]
        centres = landmarks[:, :, :2].mean(2)
        heat = target_heatmap(centres, torch.ones(1, 5), (64, 64))
        points = torch.cat([landmarks, centres[:, :, None]], 2)[0].flatten(1)
        cells = torch.stack(torch.meshgrid(torch.arange(64), torch.arange(64), indexing="xy")) * 4 + 1.5
        wanted = points[heat[0].argmax(0)].permute(2, 0, 1) - cells.repeat(8, 1, 1) + self.shift_px
        return film["opacity"][None].float() / 255.1, torch.logit(heat, 1e-6), wanted[None] / VOTE_UNIT_PX


def test_scores_are_of_the_truth_and_in_millimetres(folder):
    films = Films(folder)
    found = score(VARIANTS["full"], Oracle(films, 1.0), films)
    for side, view in enumerate(("ap", "lat")):
        shown = torch.cat([films[k]["mm_per_px"][films[k]["present"] > 0] for k in (side, side + 2)])
        assert found[view]["mm_all"] == pytest.approx(math.sqrt(2) * float(shown.mean()), rel=0.01)
        assert found[view]["dice"] == pytest.approx(1.0, abs=2e-3) and found[view]["ssim"] > 0.999
        assert found[view]["psnr_db"] > 60.0
        assert found[view]["sdr_4_all"] == 100.0 and found[view]["gross_all"] == 0.0
    assert "dice" not in score(VARIANTS["landmarks"], Oracle(films, 0.0), films)["ap"]
    assert set(score(VARIANTS["decomposition"], Oracle(films, 0.0), films)["ap"]) == {"dice", "psnr_db", "ssim"}


def runs(*dice):
    return [{view: {"dice": value} for view in ("ap", "lat")} for value in dice]


def test_a_difference_counts_only_beyond_what_other_first_weights_make():
    scores = {"full": runs(0.90, 0.92), "no_fusion": runs(0.89, 0.91), "decomposition": runs(0.70, 0.72)}
    sd, freedom = ablation_report.spread(scores, "ap", "dice")
    assert (sd, freedom) == (pytest.approx(math.sqrt(2) * 0.01), 3)
    assert ablation_report.verdict(scores, "no_fusion", "ap", "dice") == "-0.010 (within ±0.045)"
    assert ablation_report.verdict(scores, "decomposition", "ap", "dice") == "-0.200 (beyond ±0.045)"
    alone = {"full": runs(0.9), "no_fusion": runs(0.8)}
    assert "not judged" in ablation_report.verdict(alone, "no_fusion", "ap", "dice")


def test_the_command_goes_on_where_it_was(tmp_path, monkeypatch):
    work, out = tmp_path / "work", tmp_path / "ablation.json"

    def command(*changes):
        sizes = {"--pairs": 4, "--epochs": 1, "--held-out": 1, "--seeds": 1, "--work": work, "--out": out}
        arguments = [str(part) for pair in (sizes | dict(changes)).items() for part in pair]
        monkeypatch.setattr(sys, "argv", ["ablation", *arguments, "--variants", "full", "landmarks"])
        ablation.main()
        return json.loads(out.read_text())["scores"]

    first = command()
    assert set(first) == {"full", "landmarks"} and np.isfinite(first["full"][0]["lat"]["psnr_db"])
    trained = (work / "full-0" / "progress.jsonl").stat().st_mtime_ns
    assert command() == first and (work / "full-0" / "progress.jsonl").stat().st_mtime_ns == trained
    text = out.with_suffix(".md").read_text()
    assert "| fused, both tasks | AP |" in text and "0.995 / 45.8 / 0.992" in text
    with pytest.raises(ValueError, match="other sizes"):
        command(("--pairs", 8))
