"""The report as PDF: one A4 page, fonts in the file, the same bytes whenever it is made."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, Image, KeepInFrame, Paragraph, Spacer, Table, TableStyle

from lumbar3d.export.palette import COLOURS
from lumbar3d.export.report import tables
from lumbar3d.export.report.content import Report
from lumbar3d.export.report.film import ASPECT, Film

INK, GREY, RULE, ALERT = HexColor(0x16202A), HexColor(0x5B6874), HexColor(0xCFD6DC), HexColor(0xA03A00)
PAPER = {"Good": HexColor(0xDCEFE4), "Review": HexColor(0xFBE7C0), "Poor": HexColor(0xF6D2CD)}
MARGIN = (11 * mm, 9 * mm)
WIDTH, HEIGHT = A4[0] - 2 * MARGIN[0], A4[1] - 2 * MARGIN[1]
GAP = 3 * mm
PICTURE = (WIDTH - 2 * GAP) / 3
NAMES = 19 * mm
PLAIN, BOLD = "Vera", "VeraBd"
for _font in (PLAIN, BOLD):
    pdfmetrics.registerFont(TTFont(_font, f"{_font}.ttf"))
pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)
_GLYPHS = pdfmetrics.getFont(PLAIN).face.charToGlyph


def _style(size: float, colour: Color = INK, font: str = PLAIN, lead: float = 1.22) -> ParagraphStyle:
    return ParagraphStyle("", fontName=font, fontSize=size, leading=size * lead, textColor=colour, bulletFontName=PLAIN)


TITLE, TEXT, FINE = _style(12.5, font=BOLD), _style(7), _style(6, lead=1.3)
CELL, HEAD, NAME = _style(7.2, lead=1.2), _style(6, font=BOLD, lead=1.15), _style(7.2, font=BOLD)
SMALL = 5.8


def pdf(report: Report) -> bytes:
    """One page, whatever its length: where there is more to say, everything on it gets smaller."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True, lang="en", initialFontName=PLAIN)
    canvas.setTitle(report.title)
    canvas.setAuthor("lumbar3d")
    canvas.setSubject(report.intended_use)
    frame = Frame(*MARGIN, WIDTH, HEIGHT, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    frame.addFromList([KeepInFrame(WIDTH, HEIGHT, [*_flow(report)], mode="shrink")], canvas)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def printable(text: str) -> str:
    """The text with a question mark for every character that the font has not, as markup."""
    return escape("".join(letter if ord(letter) in _GLYPHS else "?" for letter in text))


def _flow(report: Report) -> Iterable[Flowable]:
    yield _header(report)
    yield Spacer(0, 2 * mm)
    yield _pictures(report)
    yield Spacer(0, 1.5 * mm)
    for table in report.tables:
        yield _table(table)
        yield Spacer(0, 1.4 * mm)
    yield Paragraph(printable(report.legend), FINE)
    yield Spacer(0, 1 * mm)
    if report.remarks:
        yield _remarks(report.remarks)
    if report.sources:
        yield Paragraph(printable(report.sources_line), FINE)
    yield Spacer(0, 1 * mm)
    yield _rule(
        [[Paragraph(f"<b>{printable(name)}:</b> {printable(text)}", FINE)] for name, text in report.endings],
        [WIDTH],
        ("LINEABOVE", (0, 0), (-1, 0), 0.8, INK),
        ("TOPPADDING", (0, 0), (-1, -1), 1.6),
    )


def _header(report: Report) -> Table:
    word, meaning = report.quality
    title = [Paragraph(printable(report.title), TITLE), Spacer(0, 3.5)]
    pill = f'<font backColor="{_hex(PAPER[word])}"><b>&nbsp;Quality: {word}&nbsp;</b></font>'
    title += [Paragraph(f"{pill} {meaning}", TEXT), Spacer(0, 2), Paragraph(printable(report.review), TEXT)]
    facts = [
        [Paragraph(printable(name), _style(6.4, GREY)), Paragraph(printable(value), _style(6.4, font=BOLD))]
        for name, value in report.facts
    ]
    right = _rule(facts, [19 * mm, 55 * mm]) if facts else Spacer(0, 0)
    return _rule(
        [[title, right]],
        [WIDTH - 74 * mm, 74 * mm],
        ("LINEBELOW", (0, 0), (-1, 0), 1.4, INK),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
    )


def _pictures(report: Report) -> Table:
    spine = Image(io.BytesIO(report.spine), PICTURE, PICTURE / ASPECT, kind="proportional")
    titles = [*(film.title for film in report.films), report.spine_title]
    style = ParagraphStyle("", parent=FINE, alignment=1, textColor=GREY, fontSize=6)
    return _rule(
        [
            [*(_Picture(film) for film in report.films), spine],
            [Paragraph(printable(title), style) for title in titles],
        ],
        [PICTURE + GAP, PICTURE + GAP, PICTURE],
        ("BOX", (2, 0), (2, 0), 0.4, RULE),
        ("TOPPADDING", (0, 1), (-1, 1), 2),
    )


class _Picture(Flowable):  # type: ignore[misc]
    """A film with its outlines, in a window."""

    def __init__(self, film: Film) -> None:
        super().__init__()
        self.film, self.width, self.height = film, PICTURE, PICTURE / ASPECT

    def wrap(self, _width: float, _height: float) -> tuple[float, float]:
        """Its size does not hang on the room."""
        return self.width, self.height

    def draw(self) -> None:
        """On the canvas of the page."""
        canvas: Any = self.canv
        left, top, width, _ = self.film.window
        scale = self.width / width
        columns, rows = self.film.size
        canvas.saveState()
        box = canvas.beginPath()
        box.rect(0, 0, self.width, self.height)
        canvas.clipPath(box, stroke=0, fill=0)
        canvas.setFillColor(black)
        canvas.rect(0, 0, self.width, self.height, stroke=0, fill=1)
        low = self.height - (rows - 0.5 - top) * scale
        png = ImageReader(io.BytesIO(self.film.png))
        canvas.drawImage(png, (-0.5 - left) * scale, low, columns * scale, rows * scale)
        for each in self.film.outlines:
            colour = Color(*(part / 255 for part in each.colour))
            canvas.setLineWidth(0.8)
            canvas.setStrokeColor(colour)
            for line in each.lines:
                path = canvas.beginPath()
                path.moveTo(*self._at(line[0]))
                for point in line[1:]:
                    path.lineTo(*self._at(point))
                path.close()
                canvas.drawPath(path, stroke=1, fill=0)
            self._write(each.level, self._at(each.label), colour)
        for side, place in zip(self.film.sides, (5, self.width - 12), strict=True):
            self._write(side, (place, self.height - 10), white)
        canvas.restoreState()

    def _at(self, point: tuple[float, float]) -> tuple[float, float]:
        left, top, width, _ = self.film.window
        scale = self.width / width
        return (point[0] - left) * scale, self.height - (point[1] - top) * scale

    def _write(self, text: str, place: tuple[float, float], colour: Color) -> None:
        canvas: Any = self.canv
        place = place[0], place[1] - 2.4
        canvas.saveState()
        halo = canvas.beginText(*place)
        halo.setFont(BOLD, 7)
        halo.setTextRenderMode(1)
        canvas.setLineWidth(1.6)
        canvas.setStrokeColor(black)
        halo.textOut(text)
        canvas.drawText(halo)
        canvas.restoreState()
        canvas.setFont(BOLD, 7)
        canvas.setFillColor(colour)
        canvas.drawString(*place, text)


def _table(table: tables.Table) -> Table:
    rows: list[list[Any]] = [[Paragraph(printable(head), HEAD) for head in table.heads]]
    rows[0][0] = Paragraph(printable(table.heads[0]), NAME)
    colours = []
    for number, (name, cells) in enumerate(table.rows, start=1):
        rows.append([Paragraph(printable(name), NAME), *map(_cell, cells)])
        if name in COLOURS:
            colours.append(("LINEBEFORE", (0, number), (0, number), 3, Color(*(part / 255 for part in COLOURS[name]))))
    count = len(table.heads) - 1
    return _rule(
        rows,
        [NAMES, *[(WIDTH - NAMES) / count] * count],
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.3, RULE),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("VALIGN", (0, 1), (0, -1), "MIDDLE"),
        ("TOPPADDING", (0, 1), (-1, -1), 1.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ("LEFTPADDING", (0, 1), (0, -1), 4),
        *colours,
    )


def _cell(cell: tables.Cell) -> Paragraph:
    colour = ALERT if cell.stands_out else GREY
    mark = f' <font size="{SMALL}" color="{_hex(colour)}">{printable(cell.mark)}</font>' if cell.mark else ""
    below = f'<br/><font size="{SMALL}" color="{_hex(GREY)}">{printable(cell.below)}</font>'
    return Paragraph(f"<b>{printable(cell.value)}</b>{mark}{below}", CELL)


def _remarks(remarks: tuple[str, ...]) -> Table:
    """In two columns."""
    half = (len(remarks) + 1) // 2
    sides = [[Paragraph(f"• {printable(each)}", FINE) for each in part] for part in (remarks[:half], remarks[half:])]
    return _rule([sides], [WIDTH / 2] * 2, ("RIGHTPADDING", (0, 0), (0, -1), 8), ("BOTTOMPADDING", (0, 0), (-1, -1), 3))


def _rule(rows: list[list[Any]], widths: list[float], *commands: Any) -> Table:
    """A table without any room that is not asked for."""
    table = Table(rows, colWidths=widths, hAlign="LEFT")
    sides = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    table.setStyle(TableStyle([*sides, ("VALIGN", (0, 0), (-1, -1), "TOP"), *commands]))
    return table


def _hex(colour: Color) -> str:
    return f"#{colour.hexval()[2:]}"
