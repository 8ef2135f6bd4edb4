"""Sign-off and the bridge: it stores what is accepted, unless it was told otherwise."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from lumbar3d.cli.bridge import steps
from lumbar3d.cli.bridge.ledger import Ledger, Pair, State
from lumbar3d.cli.bridge.spool import Spool
from lumbar3d.cli.bridge.steps import Bridge
from lumbar3d.contracts import JobState


class Service:
    """A job that has succeeded; ``review`` is its sign-off."""

    def __init__(self, review: str | None) -> None:
        self.review, self.looks, self.fetched = review, 0, 0

    def status(self, _job: str) -> object:
        self.looks += 1
        review = None if self.review is None else SimpleNamespace(state=self.review)
        return SimpleNamespace(state=JobState.SUCCEEDED, review=review)

    def dicom(self, _job: str) -> bytes:
        self.fetched += 1
        return b"PK\x05\x06" + bytes(18)


def bridge_of(folder: Path, service: Service, require_accepted: bool = True) -> Bridge:
    ledger = Ledger(folder / "ledger")
    pair = Pair("key", "1.2", "1.3", "1.4", None)
    ledger.pair(pair)
    ledger.move(pair, State.SUBMITTED, "job")
    return Bridge(ledger, Spool(folder / "bridge"), service, None, None, 0.0, require_accepted)


def told(bridge: Bridge) -> tuple[str, str | None]:
    (pair,) = bridge.ledger.pairs(*State)
    return pair.state, pair.reason


def test_a_draft_waits_and_is_looked_at_seldom_until_somebody_accepts_it(tmp_path: Path, monkeypatch) -> None:
    service = Service("draft")
    bridge = bridge_of(tmp_path, service)
    for _ in range(3):
        bridge.step()
    assert told(bridge) == ("submitted", "waits until somebody accepts the result")
    assert (service.looks, service.fetched) == (1, 0)
    service.review = "accepted"
    monkeypatch.setattr(steps, "SIGN_OFF_S", 0.0)
    bridge_of(tmp_path, service).step()
    assert told(bridge) == ("stored", None) and service.fetched == 1


def test_what_is_rejected_never_goes(tmp_path: Path) -> None:
    bridge = bridge_of(tmp_path, service := Service("rejected"))
    bridge.step()
    assert told(bridge) == ("ended", "whoever signed rejected the result") and service.fetched == 0


@pytest.mark.parametrize(("review", "require"), [(None, True), ("draft", False), ("rejected", False)])
def test_without_sign_offs_or_when_told_so_everything_goes(tmp_path: Path, review: str | None, require: bool) -> None:
    bridge = bridge_of(tmp_path, Service(review), require)
    bridge.step()
    assert told(bridge)[0] == "stored"
