import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.network.losses import (  # noqa: E402
    decomposition_loss,
    heatmap_loss,
    target_heatmap,
    total_loss,
    vote_loss,
)
from training.network.multitask import MultiTaskNetwork  # noqa: E402
from training.network.refiner import CELL_PX, RefinerNetwork, expectation, refiner_loss  # noqa: E402
from training.network.samples import coarse_sample, mirrored, negative  # noqa: E402
from training.network.trainer import Schedule, Trainer, average_network  # noqa: E402
from training.radiographs.room import draw_room  # noqa: E402
from training.radiographs.simulate import LabelledView  # noqa: E402

SIZE = 64


@pytest.fixture
def view():
    rng = np.random.default_rng(0)
    landmarks = (
        np.stack([np.linspace(20, 44, 7), np.linspace(10, 16, 7)], -1)
        + np.array([0, 9])[None] * np.arange(5)[:, None, None]
    )
    beam = draw_room(rng)[0].downsampled(8)
    pixels, opacity = rng.random((SIZE, SIZE), dtype=np.float32), rng.random((5, SIZE, SIZE), dtype=np.float32)
    return LabelledView("ap", pixels, opacity, landmarks, np.full((5, 7), 1000.0), beam)


def batch_of(samples):
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def test_losses_of_a_perfect_answer_are_small(view):
    batch = batch_of([coarse_sample(view)])
    opacity = batch["opacity"].float() / 255.0
    ncc, square = decomposition_loss(opacity, opacity, batch["present"])
    assert ncc < 1e-3 and square == 0.0
    centres = batch["landmarks"][:, :, :2].mean(2)
    target = target_heatmap(centres, batch["present"], (SIZE // 4, SIZE // 4))
    assert (target.flatten(2).max(-1).values == 1.0).all()
    logits = torch.where(target == 1.0, 12.0, -12.0)
    assert heatmap_loss(logits, target) < 0.01 < heatmap_loss(-logits, target)


def test_votes_are_measured_where_a_centre_is_near(view):
    batch = batch_of([coarse_sample(view)])
    centres = batch["landmarks"][:, :, :2].mean(2)
    target = target_heatmap(centres, batch["present"], (SIZE // 4, SIZE // 4))
    best = target.max(1).indices
    v, u = torch.meshgrid(torch.arange(SIZE // 4), torch.arange(SIZE // 4), indexing="ij")
    points = torch.cat([batch["landmarks"], centres[:, :, None]], 2)
    here = torch.stack([u, v], -1) * 4 + 1.5
    votes = ((points[0, best[0]] - here[:, :, None]) / 32.0).permute(2, 3, 0, 1).reshape(1, 16, SIZE // 4, SIZE // 4)
    assert vote_loss(votes, target, batch["landmarks"], centres, SIZE) < 1e-6
    assert vote_loss(votes + 0.5, target, batch["landmarks"], centres, SIZE) > 0.3


def test_network_learns_one_image(view):
    torch.manual_seed(0)
    network = MultiTaskNetwork(width=4, channels=8)
    batch = batch_of([coarse_sample(view), coarse_sample(view)])
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    losses = []
    for _ in range(12):
        loss = total_loss(network(batch["image"], batch["view"]), batch)["total"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_mirroring_twice_changes_nothing(view):
    sample = coarse_sample(view)
    once = mirrored(sample)
    assert not torch.equal(once["image"], sample["image"])
    assert torch.equal(once["landmarks"][:, 2, 1], sample["landmarks"][:, 3, 1])  # left and right change places
    twice = mirrored(once)
    for name, value in sample.items():
        assert torch.allclose(twice[name].float(), value.float()), name


def test_negatives_hold_nothing(view):
    rng = np.random.default_rng(0)
    sample = coarse_sample(view)
    spoiled = [negative(sample, rng) for _ in range(12)]
    assert all(s["present"].sum() == 0 and s["opacity"].sum() == 0 for s in spoiled)
    changed = [not torch.equal(s["image"], sample["image"]) or s["view"][0] != sample["view"][0] for s in spoiled]
    assert all(changed) and sample["present"].sum() == 5


def test_expectation_of_a_known_map():
    sigma_px, centre = 2.5, torch.tensor([66.9, 40.2])
    u = torch.arange(80) * CELL_PX + 0.5
    square = (u[None, :] - centre[0]) ** 2 + (u[:, None] - centre[1]) ** 2
    logits = (-0.5 * square / sigma_px**2).expand(1, 7, 80, 80)
    position, spread = expectation(logits)
    assert torch.allclose(position, centre.expand(1, 7, 2), atol=1e-2)
    assert torch.allclose(spread, torch.full((1, 7), sigma_px), atol=0.05)
    near, far = (refiner_loss(logits, (centre + shift).expand(1, 7, 2))["distance"] for shift in (0.0, 30.0))
    assert near < 1e-3 and 50.0 < far < 60.0


def test_refiner_ignores_landmarks_outside_its_crop():
    network = RefinerNetwork(width=4)
    logits = network(torch.rand(2, 1, 160, 160), torch.zeros(2, 7))
    assert logits.shape == (2, 7, 80, 80)
    assert refiner_loss(logits, torch.full((2, 7, 2), 400.0))["total"] == 0.0


def test_schedule_warms_up_and_ends_at_zero():
    schedule = Schedule(budget_s=100.0)
    rates = [schedule.rate(second) for second in range(101)]
    assert rates[0] < rates[1] < max(rates) == pytest.approx(schedule.peak_rate)
    assert rates[-1] < 1e-9 and schedule.rate(1e6) < 1e-9
    assert (np.diff(rates[3:]) < 0).all()


def test_training_resumes_where_it_stopped(tmp_path):
    def loss(network, batch):
        return {"total": network(batch["image"]).square().mean()}

    def make():
        torch.manual_seed(0)
        return Trainer(torch.nn.Conv2d(1, 1, 3), loss, Schedule(budget_s=0.05, checkpoint_s=0.0), tmp_path)

    batches = iter(lambda: {"image": torch.ones(4, 1, 8, 8)}, None)
    first = make()
    first.run(batches)
    again = make()
    assert again.images == first.images > 0 and again.passed_s >= 0.05
    assert torch.equal(again.network.weight, first.network.weight)
    again.run(batches)
    assert again.images == first.images  # the budget is spent
    exported = average_network(torch.nn.Conv2d(1, 1, 3), tmp_path)
    assert torch.equal(exported.weight, first.average.module.weight)
    assert len((tmp_path / "progress.jsonl").read_text().splitlines()) == first.images // 4
