"""The report of one page: both forms say the same, as an independent reader finds it, and it is one page."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image
from typer.testing import CliRunner

from lumbar3d.anatomy import LEVELS
from lumbar3d.artifacts import REPORT_PAGE
from lumbar3d.cli.main import app
from lumbar3d.contracts import Measurement, Norm, Review
from lumbar3d.export.conversions import delivered
from lumbar3d.export.report import rendering
from lumbar3d.export.report.content import DRAFT, Heading, Report, report_of, signed
from lumbar3d.export.report.page import STYLE, html
from lumbar3d.export.report.sheet import pdf, printable
from lumbar3d.export.report.tables import LUMBAR, MINUS, PELVIC, SEGMENT, VERTEBRA, number, standing
from tests.report_case import all_notes, result, stored_result

HEADING = Heading(
    job="1f0c6f4e-7d0f-4c9e-9a3b-2b1d3c4e5f60",
    made="2026-11-27 02:40 UTC",
    reference="A-4711 <&>",
    patient=(("Patient", "Doe, Jane"),),
    review="accepted by Dr Roe",
)
PAIR = re.compile(rf"({MINUS}?\d+\.?\d*) ± (\d+\.?\d*)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stored")
    stored_result(path)
    return path


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return report_of(lambda name: (folder / name).read_bytes(), HEADING)


@pytest.fixture(scope="module")
def forms(report: Report) -> tuple[str, str, bytes]:
    """Text of the page, text of the sheet, the sheet."""
    sheet = pdf(report)
    page = unescape(re.sub(r"<style>.*?</style>|<[^>]+>", "\n", html(report).decode()))
    return page, text_of(sheet), sheet


def text_of(sheet: bytes) -> str:
    return pypdf.PdfReader(io.BytesIO(sheet)).pages[0].extract_text()


def test_both_forms_hold_the_same_numbers_and_those_of_the_result(forms) -> None:
    page, sheet, _ = forms
    assert sorted(PAIR.findall(page)) == sorted(PAIR.findall(sheet))
    shown = [each for each in result(()).measurements if each.code in (*LUMBAR, *PELVIC, *VERTEBRA, *SEGMENT)]
    expected = [(number(m.value, m.unit), number(m.sigma, m.unit)) for m in shown if m.sigma is not None]
    expected += [(number(m.norm.mean, m.unit), number(m.norm.sd, m.unit)) for m in shown if m.norm]
    assert sorted(PAIR.findall(page)) == sorted(expected) and len(expected) > 70
    for word in ("high", "low", "borderline", "model", "unsure"):
        assert len(re.findall(rf"\b{word}\b", page)) == len(re.findall(rf"\b{word}\b", sheet)) > 1, word


def test_both_forms_say_of_what_and_by_whom(forms) -> None:
    for text in (re.sub(r"\s+", " ", form) for form in forms[:2]):
        for said in (HEADING.job, HEADING.made, HEADING.reference, HEADING.review, "Doe, Jane", "Quality: Review"):
            assert said in text
        assert "Lateral radiograph was compressed with loss" in text and "L5: model and image differ" in text
        assert "The two views do not fit together" in text and "Not a medical device" in text
        assert "ssm_L3 0.4.0 (0123456789ab)" in text and "[1] project's estimate for standing adults (weak)" in text


def test_the_sheet_is_one_a4_page_with_its_fonts_and_the_same_bytes_again(forms, report: Report) -> None:
    reader = pypdf.PdfReader(io.BytesIO(forms[2]))
    assert len(reader.pages) == 1 and [round(float(x)) for x in reader.pages[0].mediabox[2:]] == [595, 842]
    fonts = [each.get_object() for each in reader.pages[0]["/Resources"]["/Font"].values()]
    used = [font for font in fonts if "/FontDescriptor" in font]
    assert len(used) == 2 and all("/FontFile2" in font["/FontDescriptor"] for font in used)
    crowded = pdf(replace(report, remarks=tuple(map(str, all_notes() * 4))))
    assert len(pypdf.PdfReader(io.BytesIO(crowded)).pages) == 1, "however much there is to say"
    assert pdf(report) == forms[2]


def test_the_page_needs_nothing_else_and_no_markup_comes_from_outside(report: Report) -> None:
    text = html(report).decode()
    assert "A-4711 &lt;&amp;&gt;" in text and "<script" not in text and "style=" not in text.replace(STYLE, "")
    assert all(each.startswith("data:image/png;base64,") for each in re.findall(r'(?:src|href)="([^"]{0,40})', text))


def test_side_marks_follow_the_landmarks(report: Report) -> None:
    ap, lat = report.films
    assert (ap.sides, lat.sides) == (("R", "L"), ("A", "P"))
    assert [each.level for each in ap.outlines] == [*LEVELS] and ap.window[1] < 120 < 410 < ap.window[1] + ap.window[3]


def test_the_picture_shows_what_is_nearer(report: Report) -> None:
    picture = np.asarray(Image.open(io.BytesIO(report.spine)).convert("RGB")).astype(int)
    assert picture.shape == (*rendering.SIZE[::-1], 3)
    rows, columns = np.nonzero((picture < 250).any(axis=2))
    assert rows.min() > 10 and rows.max() < rendering.SIZE[1] - 10, "a margin all round"
    upper, lower = picture[rows.min() + 8, columns[rows == rows.min()].mean().astype(int)], picture[rows.max() - 4]
    assert upper[2] > upper[0] and (lower[:, 0] > lower[:, 1] + 5).any(), "L1 is blue, L5 pink"


def test_marks_are_those_of_the_result() -> None:
    norm = Norm(mean=0.0, sd=5.0, source="x")
    told = {"code": "c", "name": "n", "target": "L1", "unit": "mm", "sigma": 1.0, "norm": norm, "definition": "d"}
    stands = [("outside", 13.0), ("outside", -13.0), ("borderline", 9.5), ("inside", 1.0), (None, 20.0)]
    marks = [standing(Measurement(standing=state, value=value, **told)) for state, value in stands]
    assert marks == ["high", "low", "borderline", "", ""]


def test_only_what_stands_out_is_in_colour(report: Report) -> None:
    coloured = [cell for table in report.tables for _, cells in table.rows for cell in cells if cell.stands_out]
    expected = sum(m.stands_out for m in result(()).measurements if m.code in (*LUMBAR, *PELVIC, *VERTEBRA, *SEGMENT))
    assert sum(cell.mark in ("high", "low") for cell in coloured) == expected > 0
    assert html(report).decode().count('<i class="outside">') == expected


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert [number(x, "mm") for x in (-1.25, -0.04, 3.0)] == [f"{MINUS}1.2", "0.0", "3.0"] and number(
        1567.8, "mm2"
    ) == "1568"


def test_letters_that_the_font_has_not_are_question_marks() -> None:
    assert printable("Müller & 山田") == "Müller &amp; ??"


def test_sign_off_in_words() -> None:
    rejected = Review(state="rejected", by="key", name="Dr Roe", at="2026-11-27T02:40:00Z", reason="level")
    assert signed(None) == signed(Review(by="key")) == DRAFT
    assert signed(rejected) == "rejected by Dr Roe, 2026-11-27T02:40:00Z: level"
    assert signed(Review(state="accepted", by="key")) == "accepted by key"


def test_the_command_writes_the_report_of_a_folder(folder: Path, report: Report, tmp_path: Path) -> None:
    for form, beginning in (("pdf", b"%PDF"), ("html", b"<!doctype html>")):
        target = tmp_path / f"report.{form}"
        said = CliRunner().invoke(app, ["report", str(folder), "--format", form, "--out", str(target)])
        assert (said.exit_code, said.stdout) == (0, f"{target}\n") and target.read_bytes().startswith(beginning)
    assert target.read_bytes() == html(replace(report, facts=(), review=DRAFT)), "without a job"
    assert [*delivered(REPORT_PAGE, folder, "srs")] == [("report.html", target.read_bytes())], "as the library saves it"
    said = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert said.exit_code == 2 and "no result.json" in said.stderr
