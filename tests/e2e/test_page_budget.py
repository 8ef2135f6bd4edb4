"""The page's budget of time, in the fastest of a few openings: what else the machine does makes none of them faster."""

from __future__ import annotations

from tests.e2e.budget import BUDGET_MS, measure

NEEDS_3D = True
OPENINGS = 3


def test_the_page_keeps_its_budget(browser, service, job):
    taken = measure(browser, f"{service}/view.html?job={job}", OPENINGS)
    fastest = {name: min(taken[name]) for name in BUDGET_MS}
    assert all(fastest[name] < most for name, most in BUDGET_MS.items()), fastest
