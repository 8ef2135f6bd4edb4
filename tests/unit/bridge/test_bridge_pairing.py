"""Pairs of films, and the reasons that are given for others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import DataElement, Dataset

from lumbar3d.cli.bridge.ledger import Film, Ledger, Pair, key_of
from lumbar3d.cli.bridge.pairing import pair_of, pairs_of_sessions, why_not
from lumbar3d.cli.bridge.sender import refusal
from lumbar3d.cli.bridge.session import Session
from lumbar3d.cli.errors import CliError

AP, LAT = Film("1", "s", "ap"), Film("2", "s", "lat")


def test_one_of_each_is_a_pair_in_any_order() -> None:
    assert pair_of([AP, LAT]) == pair_of([LAT, AP]) == ("1", "2")
    assert pair_of([AP, LAT, Film("3", "s", None, "no view")]) == ("1", "2")
    assert why_not(AP, {"s": [AP, LAT]}) == "waiting for the study to be complete"


def test_nothing_is_guessed() -> None:
    several = [AP, LAT, Film("3", "s", "lat")]
    assert pair_of(several) is None and pair_of([AP]) is None and pair_of([]) is None
    assert why_not(AP, {"s": several}) == "which belong together is not certain: 1 AP and 2 lateral films"
    assert why_not(LAT, {"s": [LAT]}) == "the study has no AP film that is free"


def film(sop: str, study: str, view: str, minute: int = 0, **changes: str | None) -> Film:
    said = {"patient": "p", "station": "room 1"} | changes
    return Film(sop, study, view, session=Session(taken=f"2026-03-01T10:{minute:02}:00", **said))


def by_study(*films: Film) -> dict[str, list[Film]]:
    studies: dict[str, list[Film]] = {}
    for each in films:
        studies.setdefault(each.study, []).append(each)
    return studies


def test_the_only_partners_of_a_session_are_a_pair() -> None:
    ap, lat = film("1", "a", "ap"), film("2", "b", "lat", 15)
    assert pairs_of_sessions(by_study(ap, lat)) == pairs_of_sessions(by_study(lat, ap)) == [(ap, lat)]
    assert why_not(lat, by_study(ap, lat)) == "waiting for both studies of the session to be complete"
    others = film("3", "c", "lat", 5, patient="q"), film("4", "c", "ap", 5, patient="q")
    assert pairs_of_sessions(by_study(ap, lat, *others)) == [(ap, lat)], "a whole study is no part of a session"


@pytest.mark.parametrize(
    "other",
    [
        film("2", "b", "lat", 16),
        film("2", "b", "lat", patient="q"),
        film("2", "b", "lat", station="room 2"),
        film("2", "b", "lat", station="room 2", frame="1.9"),
        film("2", "b", "ap"),
        Film("2", "b", "lat"),
        Film("2", "b", "lat", "a fault", Session("p", "2026-03-01T10:00:00", "room 1")),
    ],
)
def test_another_session_is_no_partner(other: Film) -> None:
    ap = film("1", "a", "ap")
    assert pairs_of_sessions(by_study(ap, other)) == []
    assert why_not(ap, by_study(ap, other)) == "the study has no lateral film that is free"


def test_a_room_is_known_by_its_frame_or_its_station_and_one_that_is_not_named_contradicts_nothing() -> None:
    ap = film("1", "a", "ap", frame="1.9")
    for other in (film("2", "b", "lat", station=None), film("2", "b", "lat", station="room 2", frame="1.9")):
        assert pairs_of_sessions(by_study(ap, other)) == [(ap, other)]


def test_of_several_partners_none_is_chosen() -> None:
    ap, lat, flexion = film("1", "a", "ap"), film("2", "b", "lat", 2), film("3", "c", "lat", 4)
    studies = by_study(ap, lat, flexion)
    assert pairs_of_sessions(studies) == []
    said = "which belong together is not certain: 1 AP and 2 lateral films of one session, in several studies"
    assert [why_not(each, studies) for each in (ap, lat, flexion)] == 3 * [said]
    chain = by_study(film("1", "a", "ap"), film("2", "b", "lat", 14), film("3", "c", "ap", 28))
    assert pairs_of_sessions(chain) == []
    assert "2 AP and 1 lateral" in why_not(chain["a"][0], chain)


def test_what_a_film_says_of_its_session() -> None:
    dataset = Dataset()
    assert Session.of(dataset) is None
    dataset.PatientID = "4711"
    assert Session.of(dataset) is None, "nor when it was taken"
    dataset.ContentDate, dataset.ContentTime = "20260301", "100000"
    said = Session.of(dataset)
    assert said is not None and said.taken == "2026-03-01T10:00:00" and "4711" not in said.to_json()
    assert Session.from_json(said.to_json()) == said
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20260301", "100130.25"
    dataset.StationName, dataset.FrameOfReferenceUID = "ROOM1", "1.9"
    said = Session.of(dataset)
    assert (
        said is not None
        and (said.station, said.frame) == ("ROOM1", "1.9")
        and said.taken.startswith("2026-03-01T10:01")
    )
    dataset.AcquisitionDateTime, dataset.DeviceSerialNumber = "20260301100200.000000+0100", "77"
    said = Session.of(dataset)
    assert said is not None and (said.taken, said.station) == ("2026-03-01T10:02:00", "77")
    other, dataset.IssuerOfPatientID = said.patient, "another hospital"
    assert Session.of(dataset).patient != other
    for wrong in ("2026", "20261301100200"):
        dataset = Dataset()
        dataset.PatientID, dataset["AcquisitionDateTime"] = "4711", DataElement(0x0008002A, "LO", wrong)
        assert Session.of(dataset) is None


def test_a_ledger_of_before_gets_the_column_and_forgets_what_is_settled(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger")) as connection, connection:
        connection.execute(
            "CREATE TABLE films (sop TEXT PRIMARY KEY, study TEXT NOT NULL, view TEXT, fault TEXT, "
            "received_s REAL NOT NULL, pair TEXT)"
        )
        connection.execute("INSERT INTO films VALUES ('9', 'old', 'ap', NULL, 0, NULL)")
    for _ in range(2):
        ledger = Ledger(tmp_path / "ledger")
    ap, lat = film("1", "a", "ap"), film("2", "b", "lat")
    ledger.add(ap), ledger.add(lat), ledger.add(replace(film("3", "c", "ap"), fault="a fault"))
    assert ledger.unpaired()["a"] == [ap] and ledger.unpaired()["old"] == [Film("9", "old", "ap")]
    ledger.pair(Pair("key", "a", "1", "2", None))
    with closing(sqlite3.connect(tmp_path / "ledger")) as connection:
        assert connection.execute("SELECT count(session) FROM films").fetchone() == (0,)


def test_the_key_is_of_both_films_and_their_order() -> None:
    assert key_of("1", "2") == key_of("1", "2") != key_of("2", "1") and len(key_of("1", "2")) < 255


@pytest.mark.parametrize(
    ("status", "ends"), [(0, None), (0xB007, None), (0x0122, "0122"), (0xA900, "A900"), (0xC123, "C123")]
)
def test_statuses_that_settle_it(status, ends) -> None:
    said = refusal(status)
    assert said is None if ends is None else ends in said


@pytest.mark.parametrize("status", [None, 0xA700, 0x0110])
def test_statuses_that_may_pass(status) -> None:
    with pytest.raises(CliError):
        refusal(status)
