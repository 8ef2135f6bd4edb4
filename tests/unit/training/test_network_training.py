"""Networks, losses and trainer."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from lumbar3d.detection.decode import MARKS  # noqa: E402
from lumbar3d.training.network.losses import (  # noqa: E402
    decomposition_loss,
    heatmap_loss,
    refiner_loss,
    silhouette_loss,
    target_heatmap,
    total_loss,
    vote_loss,
)
from lumbar3d.training.network.multitask import MultiTaskNetwork  # noqa: E402
from lumbar3d.training.network.refiner import CELL_PX, RefinerNetwork, landmark_loss, moments  # noqa: E402
from lumbar3d.training.network.samples import coarse_sample, mirrored, negative  # noqa: E402
from lumbar3d.training.network.trainer import Schedule  # noqa: E402
from lumbar3d.training.radiographs.room import draw_room  # noqa: E402
from lumbar3d.training.radiographs.simulate import NOWHERE_PX, LabelledView  # noqa: E402

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
    marks = np.full((len(MARKS), 2), NOWHERE_PX)
    marks[[MARKS.index("T12"), MARKS.index("S1")]] = [[30.0, 4.0], [34.0, 60.0]]
    return LabelledView("ap", pixels, opacity, landmarks, np.full((5, 7), 1000.0), marks, beam)


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
    known = torch.ones(1, 5)
    assert heatmap_loss(logits, target, known) < 0.01 < heatmap_loss(-logits, target, known)
    assert heatmap_loss(-logits, target, 0.0 * known) == 0.0  # nobody can say


def test_what_nobody_can_say_and_a_film_without_names_ask_for_nothing(view):
    sample = coarse_sample(view)
    heat = torch.full((1, 10, SIZE // 4, SIZE // 4), -12.0)
    silent = torch.zeros(1, 5, SIZE, SIZE), heat, torch.zeros(1, 16, SIZE // 4, SIZE // 4), torch.zeros(1, 4)
    loud = silent[0], heat.clone(), *silent[2:]
    loud[1][:, 5 + MARKS.index("T10")] = 12.0
    batch = batch_of([sample])
    assert total_loss(loud, batch)["heatmap"] == total_loss(silent, batch)["heatmap"] > 1.0
    known = {**batch, "marks_present": batch["marks_present"].clamp_min(0.0)}
    assert total_loss(loud, known)["heatmap"] > 1.5 * total_loss(silent, known)["heatmap"]
    unnamed = {**batch, "named": torch.zeros(1)}
    assert total_loss(silent, unnamed)["heatmap"] < 0.01


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
    names = ("present", "marks_present", "opacity")
    assert all(s[name].sum() == 0 for s in spoiled for name in names) and [
        sample["marks_present"][MARKS.index(name)] for name in ("T12", "L6", "S1", "T11", "T10")
    ] == [1, 0, 1, 0, -1]
    changed = [not torch.equal(s["image"], sample["image"]) or s["view"][0] != sample["view"][0] for s in spoiled]
    assert all(changed) and sample["present"].sum() == 5


def test_a_mirrored_lateral_film_is_no_lateral_film(view):
    rng = np.random.default_rng(0)
    sample = {**coarse_sample(view), "view": torch.tensor([1.0, 1.0])}
    spoiled = [negative(sample, rng)["image"] for _ in range(60)]
    assert any(torch.equal(image, sample["image"].flip(-1)) for image in spoiled)
    frontal = [negative(coarse_sample(view), rng)["image"] for _ in range(60)]
    assert not any(torch.equal(image, sample["image"].flip(-1)) for image in frontal)  # that is a film of somebody


def test_thin_parts_count_in_the_silhouette():
    truth = torch.zeros(1, 1, 32, 32)
    truth[..., 8:24, 8:24], truth[..., 15:17, 24:31] = 0.6, 0.08
    without = truth * (truth > 0.5)
    assert silhouette_loss(truth, truth) < 0.06
    assert silhouette_loss(without, truth) > silhouette_loss(truth, truth) + 0.02
    assert (without - truth).square().mean() < 1e-4


def known_map(centre, covariance):
    """Logits (1, 7, 80, 80) of a Gaussian in crop pixels."""
    u = torch.arange(80) * CELL_PX + 0.5
    off = torch.stack(torch.meshgrid(u - centre[0], u - centre[1], indexing="xy"), -1)
    return (-0.5 * torch.einsum("hwi,ij,hwj->hw", off, torch.linalg.inv(covariance), off)).expand(1, 7, 80, 80)


def test_moments_of_a_known_map():
    centre, covariance = torch.tensor([66.9, 40.2]), torch.tensor([[20.0, 6.0], [6.0, 9.0]])
    logits = known_map(centre, covariance)
    position, found = moments(logits)
    assert torch.allclose(position, centre.expand(1, 7, 2), atol=1e-2)
    assert torch.allclose(found, covariance.expand(1, 7, 2, 2), atol=0.05)
    near, far = (landmark_loss(logits, (centre + shift).expand(1, 7, 2))["distance"] for shift in (0.0, 30.0))
    assert near < 1e-3 and 50.0 < far < 60.0


def test_landmarks_outside_a_crop_do_not_count():
    logits = known_map(torch.tensor([30.0, 30.0]), torch.eye(2))
    outside = landmark_loss(logits, torch.full((1, 7, 2), 400.0))
    assert outside["distance"] == 0.0 and outside["entropy"] == 0.0


def test_untrained_refiner_returns_its_guide():
    network = RefinerNetwork(width=6)
    guide = torch.rand(2, 2, 80, 80)
    opacity, logits = network(torch.rand(2, 1, 160, 160), guide, torch.zeros(2, 7))
    assert opacity.shape == (2, 1, 160, 160) and logits.shape == (2, 7, 80, 80)
    assert torch.allclose(functional.avg_pool2d(opacity, 2)[:, :, 1:-1, 1:-1], smooth(guide)[:, :1], atol=1e-5)


def smooth(x):
    """What bilinear enlarging and averaging again leave of an image, without its border."""
    kernel = torch.tensor([1.0, 6.0, 1.0]) / 8.0
    kernel = (kernel[:, None] * kernel).expand(x.shape[1], 1, 3, 3)
    return functional.conv2d(x, kernel, groups=x.shape[1])


def test_refiner_learns_to_mend_a_guide():
    torch.manual_seed(0)
    truth = torch.zeros(2, 1, 160, 160)
    truth[:, :, 40:120, 50:100] = 0.6
    guide = functional.avg_pool2d(functional.avg_pool2d(truth, 17, 1, 8), 2).expand(-1, 2, -1, -1)
    batch = {
        "opacity": (truth * 255).to(torch.uint8),
        "landmarks": torch.tensor([75.0, 80.0]).expand(2, 7, 2),
    }
    network = RefinerNetwork(width=6)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    losses = []
    for _ in range(50):
        terms = refiner_loss(network(truth, guide, torch.zeros(2, 7)), batch)
        optimiser.zero_grad()
        terms["total"].backward()
        optimiser.step()
        losses.append({name: float(term.detach()) for name, term in terms.items()})
    for name in ("ncc", "silhouette", "distance"):
        assert losses[-1][name] < 0.4 * losses[0][name], name


def test_schedule_warms_up_and_ends_at_zero():
    schedule = Schedule(samples=100)
    rates = [schedule.rate(seen) for seen in range(101)]
    assert rates[0] < rates[1] < max(rates) == pytest.approx(schedule.peak_rate)
    assert rates[-1] < 1e-9 and schedule.rate(10**9) < 1e-9
    assert (np.diff(rates[3:]) < 0).all()
