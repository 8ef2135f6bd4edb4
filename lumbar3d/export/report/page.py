"""The report as one HTML file that needs nothing else: to read on a screen, and one A4 page when it is printed."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from lumbar3d.export.palette import COLOURS
from lumbar3d.export.report.content import Report
from lumbar3d.export.report.film import ASPECT, Film
from lumbar3d.export.report.tables import Cell, Table

_LEVELS = "".join(
    f".{level}{{border-left-color:rgb{colour}}}path.{level}{{stroke:rgb{colour}}}text.{level}{{fill:rgb{colour}}}"
    for level, colour in COLOURS.items()
)
STYLE = (
    """
@page{size:A4;margin:9mm 11mm}
*{box-sizing:border-box;margin:0;padding:0}
body{background:#e9edf0;color:#16202a;font:7.6pt/1.32 Inter,"Segoe UI",Helvetica,Arial,sans-serif}
main{background:#fff;width:210mm;min-height:297mm;margin:6mm auto;padding:9mm 11mm}
@media print{body{background:none}main{width:auto;min-height:0;margin:0;padding:0}}
header{display:flex;justify-content:space-between;gap:6mm;border-bottom:.5mm solid #16202a;padding-bottom:2mm}
h1{font-size:12.5pt;line-height:1.2;white-space:nowrap}
dl{display:grid;grid-template-columns:auto auto;gap:0 3mm;align-content:start}
dt{color:#5b6874}dd{font-weight:600;overflow-wrap:anywhere;font-size:7pt}
.quality{margin-top:1mm}.quality b{padding:.2mm 2mm;border-radius:2mm;background:#dcefe4}
.quality.Review b{background:#fbe7c0}.quality.Poor b{background:#f6d2cd}
.pictures{display:grid;grid-template-columns:repeat(3,1fr);gap:3mm;margin:2.5mm 0}
.pictures svg,.pictures img{display:block;width:100%;aspect-ratio:"""
    f"{ASPECT}"
    """;background:#000}
.pictures img{object-fit:contain;background:#fff;border:.2mm solid #cfd6dc}
.crowded .pictures{width:36%;margin:1mm auto}.crowded .remarks{font-size:6.2pt;line-height:1.2}
figcaption{color:#5b6874;text-align:center;margin-top:.6mm}.crowded figcaption{font-size:5.8pt;line-height:1.1}
path{fill:none;stroke-width:1.1;stroke-linejoin:round}
text{font-size:9.5px;font-weight:700;paint-order:stroke;stroke:#000;stroke-width:2.4px}.side{fill:#fff}
table{width:100%;border-collapse:collapse;table-layout:fixed;margin-bottom:1.6mm}
th{text-align:left;font-weight:600;color:#3c4854;font-size:6.6pt;line-height:1.15;vertical-align:bottom}
thead th{border-bottom:.3mm solid #16202a;padding:.4mm 1mm .4mm 0}
thead th:first-child{font-size:7.6pt;color:#16202a;width:18mm}
tbody th{border-left:1.2mm solid transparent;padding-left:1mm;font-size:7.6pt;vertical-align:middle}
td{padding:.45mm 1mm .35mm 0;border-bottom:.15mm solid #cfd6dc}tbody th{border-bottom:.15mm solid #cfd6dc}
td b{white-space:nowrap;font-size:7.4pt}td small{display:block;color:#5b6874;font-size:6.2pt;line-height:1.15}
td i{font-style:normal;font-size:5.8pt;color:#5b6874;white-space:nowrap}td i.outside{color:#a03a00;font-weight:700}
.fine{font-size:6.2pt;line-height:1.25;color:#3c4854;margin-bottom:1.2mm}
.remarks{columns:2;column-gap:6mm;list-style-position:inside;margin-bottom:1.2mm;font-size:6.8pt}
footer{border-top:.3mm solid #16202a;padding-top:1.2mm}
footer p{margin-bottom:.6mm}
""" + _LEVELS
)
ROOM_FOR_REMARKS = 4
"""With more, the pictures are smaller, so that one page still holds everything."""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy under which the file is whole."""


def html(report: Report) -> bytes:
    """UTF-8; pictures lie in the file, outlines are lines."""
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts)
    word, meaning = report.quality
    crowded = ' class="crowded"' if len(report.remarks) > ROOM_FOR_REMARKS else ""
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width"><title>',
            escape(" ".join([report.title, *(value for name, value in report.facts if name in ("Reference", "Job"))])),
            f"</title><style>{STYLE}</style></head><body><main{crowded}><header><div><h1>{escape(report.title)}</h1>",
            f'<p class="quality {word}"><b>Quality: {word}</b> {meaning}</p>',
            f'<p class="quality">{escape(report.review)}</p></div><dl>{facts}</dl></header>',
            f'<section class="pictures">{"".join(map(_film, report.films))}<figure>',
            f'<img alt="{escape(report.spine_title)}" src="{_data(report.spine)}">',
            f"<figcaption>{escape(report.spine_title)}</figcaption></figure></section>",
            *map(_table, report.tables),
            f'<p class="fine">{escape(report.legend)}</p>',
            _list(report.remarks),
            f'<p class="fine">{escape(report.sources_line)}</p>' if report.sources else "",
            "<footer>",
            *(f'<p class="fine"><b>{escape(name)}:</b> {escape(text)}</p>' for name, text in report.endings),
            "</footer></main></body></html>\n",
        )
    ).encode()


def _film(film: Film) -> str:
    columns, rows = film.size
    left, top, width, height = film.window
    lines = []
    for each in film.outlines:
        path = "".join(f"M{'L'.join(f'{u:g},{v:g}' for u, v in line)}" for line in each.lines)
        (u, v), name = each.label, escape(each.level)
        lines.append(f'<path class="{name}" d="{path}"/><text class="{name}" x="{u:g}" y="{v + 3:g}">{name}</text>')
    places = ((left + 5, "start"), (left + width - 5, "end"))
    sides = "".join(
        f'<text class="side" x="{u:g}" y="{top + 12:g}" text-anchor="{anchor}">{side}</text>'
        for side, (u, anchor) in zip(film.sides, places, strict=True)
    )
    return (
        f'<figure><svg role="img" aria-label="{escape(film.title)}" '
        f'viewBox="{left:g} {top:g} {width:g} {height:g}"><image x="-0.5" y="-0.5" width="{columns}" height="{rows}" '
        f'href="{_data(film.png)}"/>{"".join(lines)}{sides}</svg>'
        f"<figcaption>{escape(film.title)}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads)
    rows = "".join(
        f'<tr><th scope="row" class="{escape(name)}">{escape(name)}</th>{"".join(map(_cell, cells))}</tr>'
        for name, cells in table.rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(cell: Cell) -> str:
    kind = ' class="outside"' if cell.stands_out else ""
    mark = f" <i{kind}>{escape(cell.mark)}</i>" if cell.mark else ""
    return f"<td><b>{escape(cell.value)}</b>{mark}<small>{escape(cell.below)}</small></td>"


def _list(remarks: tuple[str, ...]) -> str:
    return f'<ul class="remarks">{"".join(f"<li>{escape(each)}</li>" for each in remarks)}</ul>' if remarks else ""


def _data(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
