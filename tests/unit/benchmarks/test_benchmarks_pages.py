"""Tables of the documentation come from the results."""

from __future__ import annotations

import pytest

from benchmarks import measurement_page, pages


@pytest.fixture
def results(tmp_path, monkeypatch):
    (tmp_path / "made.md").write_text("# Made\n\n| a |\n|---|\n| 1 |\n\ntext\n\n| b |\n|---|\n| sum 2 |\n| 3 |\n")
    monkeypatch.setattr(pages, "RESULTS", tmp_path)


def test_table_of_a_file_replaces_what_stood_there(results):
    page = "before\n<!-- from made.md table 2 rows sum -->\n| old |\n<!-- end -->\nafter\n"
    now = pages.written(page)
    assert "| b |\n|---|\n| sum 2 |\n<!-- end -->" in now and "old" not in now and "| 3 |" not in now
    assert pages.written(now) == now


@pytest.mark.parametrize("mark", ["made.md table 3", "made.md rows nothing"])
def test_what_is_not_in_the_results_cannot_be_written(results, mark):
    with pytest.raises(ValueError):
        pages.written(f"<!-- from {mark} -->\n<!-- end -->")


def test_a_figure_is_taken_from_its_file(results):
    figure = pages.Figure("what", "{0} of", "{0} mm", "made.md", r"sum (\d)")
    assert pages.figure_row(figure) == "| what | 2 of | [2 mm](benchmarks/results/made.md) |"


def test_pages_are_as_the_results_have_them():
    for name in pages.PAGES:
        text = (pages.ROOT / name).read_text()
        assert pages.written(text) == text


def test_the_page_of_measurements_is_the_codes() -> None:
    assert measurement_page.main(["--check"]) == 0
    assert "| `slip_sagittal` | Sagittal slip | mm |" in measurement_page.text()
