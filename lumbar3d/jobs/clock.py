"""Database clock: leases and ages are compared on one clock, whatever the hosts believe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement


class now_s(FunctionElement[float]):
    """Seconds since 1970-01-01 UTC by the database's clock, as a double."""

    type = Double()
    inherit_cache = True


@compiles(now_s, "sqlite")
def _sqlite(_element: now_s, _compiler: SQLCompiler, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now_s, "postgresql")
def _postgresql(_element: now_s, _compiler: SQLCompiler, **_: Any) -> str:
    return "(extract(epoch from clock_timestamp())::double precision)"


def iso(time_s: float) -> str:
    """RFC 3339 text of a time of the database's clock."""
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
