"""The measurements as rows: for a table in Python, and as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from lumbar3d.contracts import Measurement

COLUMNS = (
    "code",
    "name",
    "target",
    "value",
    "unit",
    "standard_error",
    "flag",
    "norm_mean",
    "norm_sd",
    "norm_source",
    "definition",
)


def rows(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """One row a measurement, by the names of ``COLUMNS``; None where there is no standard error or norm."""
    found = []
    for each in measurements:
        norm = (each.norm.mean, each.norm.sd, each.norm.source) if each.norm else (None, None, None)
        told = (each.code, each.name, each.target, each.value, each.unit, each.sigma, each.flag, *norm, each.definition)
        found.append(dict(zip(COLUMNS, told, strict=True)))
    return found


def measurements_csv(measurements: Sequence[Measurement]) -> bytes:
    """UTF-8 with a heading; numbers with every digit that they have."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows(measurements))
    return text.getvalue().encode()
