"""Questions of docs/reading.md that ask nothing of the service, walked through; the others have tests elsewhere."""

from __future__ import annotations

import re

import pytest

from tests.embedded_service import ROOT


def test_every_question_names_its_test():
    rows = re.findall(r"^\| (\d+) .*\| `(test_\w+)::(test_\w+)` \|$", (ROOT / "docs/reading.md").read_text(), re.M)
    assert [int(number) for number, _, _ in rows] == list(range(1, 14))
    for _, module, test in rows:
        assert f"def {test}(" in (ROOT / f"tests/e2e/{module}.py").read_text(), test


def test_is_l3_slipping_on_l4(result):
    result.click("td[data-code=slip_sagittal][data-target='L3/L4'] button")
    detail = result.inner_text("#chosen")
    assert "± 0.8 mm, one standard error" in detail and "Norm \N{MINUS SIGN}1.5 ± 1.2" in detail
    for view in ("ap", "lat"):
        assert result.locator(f"#film-{view} .construction .corner").count() == 2
        assert result.locator(f"#film-{view} .construction .band").count() == 3


def test_is_the_fracture_of_l5_real(result):
    result.focus("#film-lat")
    result.keyboard.press("5")
    assert "silhouettes do not match" in result.inner_text("#quality tbody tr:last-child")
    rows = result.locator("#measurements th[scope=row]").all_inner_texts()
    assert any(row.startswith("Anterior height") for row in rows)
    assert any(row.startswith("Posterior height") for row in rows)
    result.keyboard.press("o")
    assert result.locator("#film-lat .level[data-level=L5] .outline").count() == 1
    assert result.locator("#film-lat .level.dimmed").count() == 4


def test_how_is_the_lordosis_made_up(result):
    result.click("td[data-code=lumbar_lordosis] button")
    ends = result.locator("#film-lat .construction").get_attribute("data-target")
    assert ends == "L1-L5" and result.locator("#film-lat .construction .beyond").count() == 2
    parts = result.locator("#made-up-of button").all_inner_texts()
    assert [part.split(" ")[0] for part in parts] == ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "body"]
    shares = [
        float(re.search(r"[\N{MINUS SIGN}-]?[\d.]+(?=\s?°)", part)[0].replace("\N{MINUS SIGN}", "-")) for part in parts
    ]
    assert sum(shares) == pytest.approx(38.4, abs=0.3)
    result.click("#made-up-of button >> nth=3")
    drawn = result.locator("#film-lat .construction")
    assert (drawn.get_attribute("data-code"), drawn.get_attribute("data-target")) == ("segmental_lordosis", "L4/L5")


def test_what_does_the_other_film_show_of_this_point(result):
    result.keyboard.press("x")
    result.focus("#film-lat")
    result.keyboard.press("ArrowUp")
    assert result.locator("#film-lat path.cursor").count() == 1
    line = result.locator("#film-ap .cursor.epipolar")
    slope = line.evaluate(
        "(line) => [line.y1.baseVal.value - line.y2.baseVal.value, line.x1.baseVal.value - line.x2.baseVal.value]"
    )
    assert abs(slope[0]) < 0.2 * abs(slope[1]), "level sources: the line runs across the film"
