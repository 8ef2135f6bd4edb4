"""A training cut into many runs takes the steps of one that was never stopped."""

import json
import multiprocessing
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lumbar3d.training.network.blocks import Blocks, batches, stacked  # noqa: E402
from lumbar3d.training.network.checkpoint import PIECE_BYTES, load_state, save_state  # noqa: E402
from lumbar3d.training.network.errors import TrainingDivergedError, TrainingStateError  # noqa: E402
from lumbar3d.training.network.multitask import MultiTaskNetwork  # noqa: E402
from lumbar3d.training.network.plot_losses import draw  # noqa: E402
from lumbar3d.training.network.train import coarse_loss  # noqa: E402
from lumbar3d.training.network.trainer import MOST_SKIPPED_IN_A_ROW, RunLimits, Schedule, Trainer  # noqa: E402
from lumbar3d.training.network.weights import average_network, begin_from, samples_drawn  # noqa: E402

BATCH = 4


class Noise(Blocks):
    """Samples that say which they are."""

    size = 12

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        images = torch.from_numpy(rng.random((self.size, 1, 8, 8), dtype=np.float32))
        numbers = torch.arange(self.size) + index * self.size
        return stacked([{"image": image, "number": n} for image, n in zip(images, numbers, strict=True)], rng)


def loss(network, batch):
    return {"total": network(batch["image"]).square().mean()}


def trainer(folder):
    torch.manual_seed(0)
    return Trainer(torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3)), loss, SCHEDULE, folder)


SCHEDULE = Schedule(samples=80)


def run(folder, steps):
    """Some more steps of a training, then what a process's end leaves."""
    left = iter([False] * (steps - 1) + [True])
    training = trainer(folder)
    training.run(batches(Noise(), BATCH, training.images, 0), RunLimits(stopped=lambda: next(left)))
    return training


def lines(folder):
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def test_resumed_training_repeats_bit_for_bit(tmp_path):
    whole = run(tmp_path / "whole", 16)
    for steps in (1, 4, 2, 9):
        parts = run(tmp_path / "parts", steps)
    assert parts.images == whole.images == 64
    for a, b in zip(whole.network.state_dict().values(), parts.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    averages = [average_network(trainer(tmp_path / "new").network, tmp_path / name) for name in ("whole", "parts")]
    assert torch.equal(averages[0][0].weight, averages[1][0].weight)
    assert lines(tmp_path / "whole") == lines(tmp_path / "parts")


def test_steps_after_the_last_save_are_taken_again(tmp_path):
    first = run(tmp_path, 3)
    for batch in (next(batches(Noise(), BATCH, first.images, 0)),):  # a process that is killed before it saves
        first._note(first.step(batch))
    with (tmp_path / "progress.jsonl").open("a") as file:
        file.write('{"images": 2')  # ... in the middle of a line
    again = run(tmp_path, 1)
    assert again.images == 16 and [line["images"] for line in lines(tmp_path)] == [4, 8, 12, 16]
    assert torch.equal(again.network[0].weight, first.network[0].weight)


def test_training_ends_with_its_samples(tmp_path):
    training = trainer(tmp_path)
    training.run(batches(Noise(), BATCH, 0, 0), RunLimits())
    assert training.images == SCHEDULE.samples
    again = trainer(tmp_path)
    again.run(batches(Noise(), BATCH, again.images, 0), RunLimits())
    assert again.images == SCHEDULE.samples and len(lines(tmp_path)) == 20


def test_a_run_stops_in_time_and_saves(tmp_path):
    training = trainer(tmp_path)
    training.run(batches(Noise(), BATCH, 0, 0), RunLimits(seconds=0.0))
    assert training.images == load_state(tmp_path)["images"] == BATCH


def test_a_run_without_a_step_leaves_a_state_and_an_empty_record(tmp_path):
    trainer(tmp_path).run([], RunLimits())
    assert load_state(tmp_path)["images"] == 0 and lines(tmp_path) == []
    draw(tmp_path, tmp_path / "losses.png")


def test_the_optimiser_is_this_devices_and_its_moments_are_the_states(tmp_path):
    first = run(tmp_path, 2)
    state = load_state(tmp_path)
    state["optimiser"]["param_groups"][0]["fused"] = True  # as a state from CUDA says
    save_state(tmp_path, state)
    again = trainer(tmp_path)
    assert again.optimiser.param_groups[0]["fused"] is None
    moments = (training.optimiser.state[training.network[0].weight]["exp_avg"] for training in (first, again))
    assert torch.equal(*moments)


@pytest.mark.parametrize("seen", [0, 4, 24, 28])
def test_the_counter_says_what_comes_next(seen):
    def numbers(start, count, workers):
        stream = batches(Noise(), BATCH, start, workers)
        return torch.cat([next(stream)["number"] for _ in range(count)]).tolist()

    all_numbers = numbers(0, 12, 0)
    assert sorted(all_numbers) == list(range(48)) and all_numbers != sorted(all_numbers)
    assert numbers(seen, 3, 0) == all_numbers[seen : seen + 12]


def test_worker_processes_change_nothing():
    with_workers, without = (batches(Noise(), BATCH, 8, workers) for workers in (2, 0))
    for _ in range(7):
        assert torch.equal(next(with_workers)["image"], next(without)["image"])


@pytest.mark.parametrize(("size", "seen"), [(5, 0), (5, 8), (16, 4), (30, 13)])
def test_batches_go_across_the_borders_of_blocks(size, seen):
    def numbers(size, seen, count):
        stream = batches(Noise(), size, seen, 0)
        return torch.cat([next(stream)["number"] for _ in range(count)]).tolist()

    assert numbers(size, seen, 3) == numbers(1, 0, seen + 3 * size)[seen:]


def test_workers_end_in_the_middle_of_a_block():
    class Slow(Noise):
        def __getitem__(self, index):
            time.sleep(60.0 if index else 0.0)
            return super().__getitem__(index)

    before = set(multiprocessing.active_children())
    stream = batches(Slow(), BATCH, 0, 2)
    next(stream)
    workers = set(multiprocessing.active_children()) - before
    started = time.monotonic()
    stream.close()
    assert len(workers) == 2 and not any(worker.is_alive() for worker in workers)
    assert time.monotonic() - started < 4.0


def test_state_of_the_real_network_fits_in_files_under_16_mib(tmp_path):
    network = MultiTaskNetwork()
    training = Trainer(network, coarse_loss, SCHEDULE, tmp_path)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    training.optimiser.step()
    training.save()
    sizes = [path.stat().st_size for path in tmp_path.glob("state-*")]
    assert len(sizes) == 2 and max(sizes) < 16 * 2**20
    again = Trainer(MultiTaskNetwork(), coarse_loss, SCHEDULE, tmp_path)
    for a, b in zip(network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(training.optimiser.state[a]["exp_avg_sq"], again.optimiser.state[b]["exp_avg_sq"])


def test_an_interrupted_write_leaves_the_old_state(tmp_path):
    big = {"weights": torch.arange(PIECE_BYTES // 2, dtype=torch.int32)}
    save_state(tmp_path, {**big, "images": 100})
    assert load_state(tmp_path)["images"] == 100
    for path in list(tmp_path.iterdir()):
        (tmp_path / path.name.replace("100.", "200.")).write_bytes(path.read_bytes())
    (tmp_path / "state-0000000200.2of3").unlink()
    assert load_state(tmp_path)["images"] == 100
    save_state(tmp_path, {**big, "images": 300})
    assert len(list(tmp_path.iterdir())) == 3
    assert torch.equal(load_state(tmp_path)["weights"], big["weights"])
    assert load_state(tmp_path / "nowhere") is None


def test_a_training_begins_with_another_ones_average(tmp_path):
    old = run(tmp_path / "old", 5)
    begin_from(tmp_path / "old", tmp_path / "new", old.network)
    begun = trainer(tmp_path / "new")
    assert begun.images == 0
    assert torch.equal(begun.network[0].weight, old.average[0].weight)
    assert torch.equal(begun.average[0].weight, old.average[0].weight)
    again = run(tmp_path / "new", 2)
    begin_from(tmp_path / "old", tmp_path / "new", old.network)
    assert trainer(tmp_path / "new").images == again.images == 8


def test_a_network_with_more_outputs_keeps_what_the_old_one_learned(tmp_path):
    def training(outputs, folder):
        network = torch.nn.Linear(3, outputs)
        return Trainer(network, lambda net, batch: {"total": net(batch["image"]).square().mean()}, SCHEDULE, folder)

    old, larger = training(2, tmp_path / "old"), torch.nn.Linear(3, 4)
    for _ in range(3):
        old.step({"image": torch.rand(4, 3)})
    old.save()
    begin_from(tmp_path / "old", tmp_path / "new", larger)
    begun = training(4, tmp_path / "new")
    average = old.average.weight
    assert torch.equal(begun.network.weight[:2], average) and torch.equal(begun.network.weight[2:], larger.weight[2:])
    moments = begun.optimiser.state[begun.network.weight]["exp_avg_sq"]
    assert (moments[:2] > 0).all() and (moments[2:] == 0).all()
    assert np.isfinite(begun.step({"image": torch.rand(4, 3)})["total"])


def test_no_state_is_an_error(tmp_path):
    with pytest.raises(TrainingStateError, match="no training state"):
        average_network(torch.nn.Conv2d(1, 1, 1), tmp_path)


def test_the_average_follows_soon_in_the_beginning_and_slowly_later(tmp_path):
    training = trainer(tmp_path)
    weights = [training.network[0].weight.detach().clone()]
    for batch, _ in zip(batches(Noise(), BATCH, 0, 0), range(4), strict=False):
        training.step(batch)
        weights.append(training.network[0].weight.detach().clone())
    expected = weights[0]
    for step, weight in enumerate(weights[1:]):
        decay = (1 + step) / (10 + step)
        expected = decay * expected + (1 - decay) * weight
    assert torch.allclose(training.average[0].weight, expected, atol=1e-6)
    variance = training.average[1].running_var
    assert not torch.equal(variance, torch.ones(3)) and not torch.equal(variance, training.network[1].running_var)


def spoiled(batch):
    return {**batch, "image": batch["image"] * torch.nan}


def test_a_step_without_a_finite_gradient_is_skipped(tmp_path):
    training, stream = trainer(tmp_path), batches(Noise(), BATCH, 0, 0)
    training.step(next(stream))
    before = training.network[0].weight.detach().clone()
    training.run([spoiled(next(stream))], RunLimits())
    assert torch.equal(training.network[0].weight, before) and training.images == 8
    training.run([next(stream)], RunLimits())
    assert not torch.equal(training.network[0].weight, before)
    for part in (*training.network.state_dict().values(), *training.average.state_dict().values()):
        assert torch.isfinite(part).all()
    assert trainer(tmp_path).skipped == 1 and [line["images"] for line in lines(tmp_path)] == [12]


def test_a_training_that_diverges_ends_with_an_error(tmp_path):
    training, stream = trainer(tmp_path), batches(Noise(), BATCH, 0, 0)
    bad = [spoiled(next(stream)) for _ in range(MOST_SKIPPED_IN_A_ROW)]
    for batch in (*bad[:-1], next(stream), *bad[:-1]):  # one good step in between
        training.step(batch)
    with pytest.raises(TrainingDivergedError):
        training.step(bad[-1])


def test_training_begun_with_another_goes_on_where_that_one_stopped_drawing(tmp_path):
    first = run(tmp_path / "first", 4)
    begin_from(tmp_path / "first", tmp_path / "second", trainer(tmp_path / "fresh").network)
    second = run(tmp_path / "second", 3)
    begin_from(tmp_path / "second", tmp_path / "third", trainer(tmp_path / "fresh").network)
    assert (second.before, trainer(tmp_path / "third").before) == (first.images, first.images + second.images)


def test_of_a_mean_the_stage_that_drew_most_counts():
    stages = [{"samples": 9, "source": None}, {"samples": 40, "source": {"samples": 5, "source": None}}]
    assert samples_drawn({"images": 40, "source": {"mean_of": stages}}) == 45
