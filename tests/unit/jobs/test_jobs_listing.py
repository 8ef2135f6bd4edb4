"""Lists cost the same however many examinations there are: every page is one walk along an index."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, text
from sqlalchemy.dialects import postgresql, sqlite

from lumbar3d.jobs import listing
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.listing import Filter
from lumbar3d.jobs.schema import JOBS

FILTERS = {
    "jobs_listed": Filter("alice"),
    "jobs_listed_state": Filter("alice", state="rejected"),
    "jobs_listed_review": Filter("alice", review_state="accepted"),
    "jobs_listed_reference": Filter("alice", reference="ACC-3"),
    "jobs_listed_reference ": Filter("alice", beginning="ACC-"),
}


def fill(database: Database, count: int) -> None:
    """Jobs of two owners, of which every fifth is a revision."""
    common = {"progress": 1.0, "attempt": 1, "version": 1, "calibration": "{}", "options": "{}", "revision": 1}
    common |= {"cancel_requested": False, "available_s": 0.0, "updated_s": 0.0}
    rows = [
        common
        | {
            "id": f"job-{number:05}",
            "owner": ("alice", "bob")[number % 2],
            "state": "rejected" if number % 50 == 0 else "succeeded",
            "review_state": "accepted" if number % 20 == 0 else "draft",
            "reference": f"ACC-{number // 3}",
            "place": number // 2,  # two share each place, as on PostgreSQL
            "created_s": float(number // 2),
            "parent_id": "job-00000" if number % 5 == 4 else None,
        }
        for number in range(count)
    ]
    for number, row in enumerate(row for row in rows if row["parent_id"]):
        row["revision"] = number + 2
    with database.write() as connection:
        connection.execute(insert(JOBS), rows)


def plan(database: Database, wanted: Filter, after: listing.Place | None) -> str:
    """How the database answers one page."""
    name = database.engine.dialect.name
    dialect = sqlite.dialect() if name == "sqlite" else postgresql.dialect()
    query = listing.query(wanted, after, 51)
    statement = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    with database.read() as connection:
        if name != "sqlite":  # so few rows are read as they come, unless that is forbidden
            for way in ("seqscan", "bitmapscan", "sort"):
                connection.execute(text(f"SET LOCAL enable_{way} = off"))
        explain = "EXPLAIN QUERY PLAN " if name == "sqlite" else "EXPLAIN "
        rows = connection.exec_driver_sql(explain + str(statement).replace("%", "%%")).all()
    return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize("index", FILTERS)
def test_every_page_walks_along_one_index(database: Database, index: str) -> None:
    fill(database, 300)
    wanted = FILTERS[index]
    places: list[listing.Place | None] = [None, listing.page(database, wanted, None, 2)[1]]
    for after in places:
        found = plan(database, wanted, after)
        assert index.strip() in found, found
        assert "SCAN jobs" not in found and "Seq Scan" not in found, found
        assert "TEMP B-TREE" not in found and "Sort" not in found, found


def test_pages_hold_every_examination_once_and_newest_first(database: Database) -> None:
    fill(database, 103)
    seen: list[str] = []
    after: listing.Place | None = None
    while True:
        jobs, end = listing.page(database, Filter("alice"), after, 10)
        seen += [job.id for job in jobs]
        if end is None:
            break
        after = listing.read(listing.told(end), Filter("alice"))
    expected = [f"job-{number:05}" for number in range(102, -1, -2) if number % 5 != 4]
    assert seen == expected


def test_references_that_begin_alike(database: Database) -> None:
    fill(database, 60)
    names = [job.reference for job in listing.page(database, Filter("alice", beginning="ACC-1"), None, 50)[0]]
    assert names == sorted(names, reverse=True) and {"ACC-10", "ACC-19"} <= set(names)
    assert all(name and name.startswith("ACC-1") for name in names)


@pytest.mark.parametrize("text", ["", "%%%", "W10", "bnVsbA", "WzEsMiwzLDRd", "é"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        listing.read(text, Filter("alice"))
