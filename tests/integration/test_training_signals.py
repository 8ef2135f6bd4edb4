"""A training that is told to end: real processes, a signal to the whole group as terminals and supervisors send it."""

import json
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("torch")

from benchmarks.processes import wait_until
from lumbar3d.training.network.checkpoint import load_state


def start(folder, workers, block_s):
    """A training in its own process group."""
    command = [sys.executable, "-m", "tests.tiny_training", "train", "coarse", folder, "--samples", "100000"]
    return subprocess.Popen(
        [str(part) for part in (*command, "--workers", workers, "--json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TINY_BLOCK_S": str(block_s)},
        start_new_session=True,
    )


def counters(folder):
    """The sample counter after each step."""
    progress = folder / "progress.jsonl"
    lines = progress.read_text().splitlines(keepends=True) if progress.exists() else []
    return [json.loads(line)["images"] for line in lines if line.endswith("\n")]


def saved(folder):
    """The sample counter of the saved state."""
    state = load_state(folder)
    assert state is not None
    return state["images"]


def group_is_gone(number):
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return True
    return False


def end(training, folder, more, number=signal.SIGTERM):
    """Let a training make some more steps, signal its group, and return its last line."""
    wanted = len(counters(folder)) + more
    wait_until(lambda: len(counters(folder)) >= wanted or training.poll() is not None, "no steps", 240.0)
    os.killpg(training.pid, number)
    out, trouble = training.communicate(timeout=120)
    assert training.returncode == 0 and trouble == "", trouble
    return json.loads(out)


@pytest.mark.slow
def test_signals_to_the_group_save_and_the_next_run_goes_on(tmp_path):
    first = end(start(tmp_path, 2, 0.0), tmp_path, 3, signal.SIGTERM)
    assert first["state"].startswith("to be continued")
    assert saved(tmp_path) == first["samples"] >= 12
    second = end(start(tmp_path, 1, 0.0), tmp_path, 2, signal.SIGINT)
    assert second["samples"] > first["samples"]
    seen = counters(tmp_path)
    assert seen == sorted(set(seen)) and seen[-1] == saved(tmp_path) == second["samples"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_signal_does_not_wait_for_samples_under_way(tmp_path, workers):
    training = start(tmp_path, workers, 600.0)  # seconds a block: ``end`` waits for 120
    wait_until(lambda: 8 in counters(tmp_path) or training.poll() is not None, "no steps", 240.0)
    last = end(training, tmp_path, 0)
    assert last["samples"] == saved(tmp_path) == 8
    wait_until(lambda: group_is_gone(training.pid), "workers outlive the training", 10.0)


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    training = start(tmp_path, 2, 600.0)
    wait_until(lambda: counters(tmp_path), "no steps", 240.0)
    training.kill()
    training.communicate(timeout=120)
    wait_until(lambda: group_is_gone(training.pid), "workers outlive the training", 10.0)
