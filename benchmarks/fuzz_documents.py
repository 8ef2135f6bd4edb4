"""Fuzzing of documents: calibrations and options that Hypothesis spoils, and bytes in the middle of one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from benchmarks.fuzz_outcomes import Found, peak_mib
from lumbar3d.documents import parse_calibration, parse_options
from lumbar3d.geometry.calibration import build_geometry
from tests.conftest import calibration_document

ODD: st.SearchStrategy[Any] = st.one_of(
    st.floats(),
    st.integers(),
    st.text(max_size=20),
    st.booleans(),
    st.none(),
    st.lists(st.floats(), max_size=5),
    st.dictionaries(st.text(max_size=5), st.floats(), max_size=3),
    st.sampled_from([0.0, -0.0, 1e-300, 1e300, 1e400, 10**400, -1, 2**63, "NaN", "matrix", "geometry"]),
)
"""In place of any value of a document."""


def documents(count: int, first_seed: int) -> dict[str, Any]:
    """Spoilt documents, ``count`` of each kind, and as many strings of bytes."""
    found = Found()
    places = list(_places(calibration_document()))
    matrix = {
        "type": "matrix",
        "columns": 1024,
        "rows": 1024,
        "projection": [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]],
    }
    kept = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @seed(first_seed)
    @kept
    @given(st.lists(st.tuples(st.sampled_from(places), ODD), min_size=1, max_size=4), st.booleans())
    def spoilt_calibration(changes: list[tuple[tuple[str | int, ...], Any]], has_matrix: bool) -> None:
        document: Any = copy.deepcopy(calibration_document())
        for place, value in changes:
            _put(document, place, value)
        if has_matrix:
            document["lat"] = matrix
        with found.watch(), np.errstate(all="ignore"):
            build_geometry(parse_calibration(json.dumps(document).encode("utf-8", "surrogatepass")))

    @seed(first_seed)
    @kept
    @given(st.dictionaries(st.sampled_from(["method", "geometry", "levels", "seed", "device", "x"]), ODD, max_size=4))
    def spoilt_options(document: dict[str, Any]) -> None:
        with found.watch():
            parse_options(json.dumps(document).encode("utf-8", "surrogatepass"))

    @seed(first_seed)
    @kept
    @given(st.binary(max_size=60), st.integers(0, 2000))
    def bytes_in_a_document(inserted: bytes, position: int) -> None:
        text = json.dumps(calibration_document()).encode()
        with found.watch():
            parse_calibration(text[:position] + inserted + text[position:])

    for run in (spoilt_calibration, spoilt_options, bytes_in_a_document):
        run()
    return found.record() | {"peak_mib": peak_mib()}


def _places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a value may be replaced."""
    if path:
        yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield from _places(value, (*path, key))


def _put(document: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Replace, where an earlier change has left the place."""
    *parents, last = path
    for key in parents:
        try:
            document = document[key]
        except (TypeError, KeyError, IndexError):
            return
    with suppress(TypeError, KeyError, IndexError):
        document[last] = value
