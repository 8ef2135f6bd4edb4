"""Rounds under faults summed into one table: what still waits is not lost, and what is lost is not forgotten."""

from __future__ import annotations

from typing import Any

from benchmarks import chaos


def a_round(**changes: Any) -> dict[str, Any]:
    counts = dict.fromkeys(chaos.WORDS, 0) | {"acknowledged": 10, "finished": 10}
    kinds = {"faults": {"worker killed": 2}, "answers": {"202": 10}, "recovered_s": [1.0, 3.0]}
    return {"seed": 1, "database": "PostgreSQL", "seconds": 60.0} | kinds | counts | changes


def test_rounds_are_summed() -> None:
    behind = a_round(seed=2, finished=6, still_waiting=3, lost=1, recovered_s=[])
    record = chaos.summary([a_round(), behind], "python -m benchmarks.chaos")
    total = record["total"]
    assert (total["acknowledged"], total["finished"], total["still_waiting"], total["lost"]) == (20, 16, 3, 1)
    assert (total["faults"], total["recovery_s"]["faults"], record["minutes"]) == (4, 2, 2.0)
    text = chaos.render(record)
    assert "| still waiting | 3 |" in text and "| lost | 1 |" in text and "4: 4 worker killed" in text
