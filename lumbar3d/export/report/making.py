"""Files of the report: the printable page and the sheet, made of what a job stores."""

from __future__ import annotations

from collections.abc import Callable

from lumbar3d.artifacts import REPORT_PAGE, Artifact
from lumbar3d.export.report.content import Heading, report_of
from lumbar3d.export.report.page import html


def made(artifact: Artifact, read: Callable[[str], bytes], heading: Heading) -> bytes:
    """One of ``artifacts.REPORTS``.

    Parameters
    ----------
    artifact : Artifact
    read : callable
        Gives a stored file of the result by its name.
    heading : Heading
    """
    report = report_of(read, heading)
    if artifact is REPORT_PAGE:
        return html(report)
    from lumbar3d.export.report.sheet import pdf  # the library for PDF, which few need

    return pdf(report)
