"""JSON documents that a caller hands over: parsed strictly, refused without quoting them."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from lumbar3d.contracts import Calibration, GeometryView, MatrixView, ReconstructOptions, SlotView
from lumbar3d.edits import ReviewRequest, RevisionRequest
from lumbar3d.errors import CalibrationError, InputError, JobReferenceError, OptionsError, ReviewError, RevisionError

Model = TypeVar("Model", bound=BaseModel)
MAX_FAULTS = 10
LONGEST_REFERENCE = 64
VIEW_TYPES = tuple(get_args(view.model_fields["type"].annotation)[0] for view in (MatrixView, GeometryView, SlotView))
"""How a view may be told (``contracts``); no field of a view bears such a name."""
EDIT_TYPES = (
    "set_landmark",
    "remove_landmark",
    "set_centre",
    "rename",
    "keep_levels",
    "set_hips",
    "remove_hips",
    "films",
    "prompt",
)
"""The same of an edit; ``films`` is no field of any."""
LARGEST_TOLD = 1e300
NEAR_NAME = 0.8
"""Of ``difflib``: a letter or two wrong."""
SAFE = frozenset(
    [
        "missing",
        "float_type",
        "int_type",
        "list_type",
        "tuple_type",
        "model_type",
        "dict_type",
        "string_type",
        "literal_error",
        "finite_number",
        "greater_than_equal",
        "less_than_equal",
        "too_short",
        "too_long",
        "enum",
        "bool_type",
        "model_attributes_type",
    ]
)
"""Kinds of faults whose message names the contract alone."""
_NAMED = " or ".join(f'"{kind}"' for kind in VIEW_TYPES)
WORDS = {
    "int_parsing": "input should be a whole number",
    "json_invalid": "this is not JSON (numbers must be finite, text must be Unicode)",
    "extra_forbidden": "the contract has no such field",
    "union_tag_invalid": f"type must be {_NAMED}",
    "union_tag_not_found": f"type is missing: {_NAMED}",
    "string_pattern_mismatch": "this is not one of the texts that the contract allows",
    "value_error": "these parts do not go together",
}


def parse_calibration(text: bytes) -> Calibration:
    """Calibration from JSON bytes.

    Raises
    ------
    CalibrationError
        Not JSON (NaN, Infinity and lone surrogates are not), or not the contract.
    """
    return _parse(Calibration, text, CalibrationError)


def parse_options(text: bytes) -> ReconstructOptions:
    """Options from JSON bytes.

    Raises
    ------
    OptionsError
        As above.
    """
    return _parse(ReconstructOptions, text, OptionsError)


def parse_reference(text: bytes) -> str:
    """A client's own name for an examination.

    Raises
    ------
    JobReferenceError
        Empty, longer than 64 characters, or with characters that are not printable.
    """
    try:
        reference = text.decode().strip()
    except UnicodeDecodeError:
        raise JobReferenceError("the reference is not UTF-8") from None
    if not 1 <= len(reference) <= LONGEST_REFERENCE or not reference.isprintable():
        raise JobReferenceError(f"a reference has 1 to {LONGEST_REFERENCE} printable characters")
    return reference


def parse_review(text: bytes) -> ReviewRequest:
    """Body of a sign-off.

    Raises
    ------
    ReviewError
        As above.
    """
    return _parse(ReviewRequest, text, ReviewError)


def parse_revision(text: bytes) -> RevisionRequest:
    """Body of a revision.

    Raises
    ------
    RevisionError
        As above.
    """
    return _parse(RevisionRequest, text, RevisionError)


def _parse(model: type[Model], text: bytes, refusal: type[InputError]) -> Model:
    try:
        return model.model_validate_json(text.removeprefix(codecs.BOM_UTF8), strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False)
        part = refusal.code.removeprefix("invalid_")
        faults = [{"part": part, **_fault(fault)} for fault in found[:MAX_FAULTS]]
        for told, fault in zip(faults, found, strict=False):
            if fault["type"] == "extra_forbidden":
                told["message"] += _which(model, text, told["pointer"], str(fault["loc"][-1]))
        first = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        at = f" at {first['pointer']}" if first["pointer"] else ""
        message = f"the JSON part {part} does not follow its contract{at}: {first['message']}{more}"
        # From None: the validation error carries the input, and a traceback would carry the error.
        raise refusal(message, faults) from None


def _fault(fault: ErrorDetails) -> dict[str, str]:
    """Where, what, and in words; the name of an unknown field is the caller's text, so it is left out.

    The pointer (RFC 6901) is one into the document as it was sent: the member of a union that the validator names
    between a view and its fields is no part of it.
    """
    location, kind = fault["loc"], fault["type"]
    known = location[:-1] if kind == "extra_forbidden" else location
    sent = [part for k, part in enumerate(known) if not (k == 1 and part in VIEW_TYPES) and part not in EDIT_TYPES]
    return {"pointer": "".join(f"/{part}" for part in sent), "code": kind, "message": _message(fault)}


def _which(model: type[BaseModel], text: bytes, pointer: str, name: str) -> str:
    """Which field of its object is unknown, by its place, and the contract's own name that is nearest to its name."""
    here: Any = from_json(text.removeprefix(codecs.BOM_UTF8))
    for step in pointer.split("/")[1:]:
        here = here[int(step)] if isinstance(here, list) else here[step]
    place = f" in field {list(here).index(name) + 1} of {len(here)}"
    nearest = get_close_matches(name, sorted(set(_names(model.model_json_schema()))), 1, NEAR_NAME)
    return place + (f", perhaps {nearest[0]} is meant" if nearest else "")


def _names(schema: object) -> Iterator[str]:
    """Names of all fields of a contract, from its JSON schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _names(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _names(part)


def _message(fault: ErrorDetails) -> str:
    """What was expected, and what was found: numbers, no text."""
    words = expected(fault)
    return f"{words}; {_found(fault['input'])}" if fault["type"] not in ("missing", "json_invalid") else words


def expected(fault: ErrorDetails) -> str:
    """What was expected, in the validator's words where they quote nothing."""
    kind = fault["type"]
    tags = fault.get("ctx", {}).get("expected_tags", "")
    if EDIT_TYPES[0] in tags:
        return f"type must be one of {tags}"
    if kind in SAFE:
        return fault["msg"][:1].lower() + fault["msg"][1:]
    return WORDS.get(kind, "input does not follow the contract")


def _found(value: object) -> str:
    if value is None or isinstance(value, bool):
        return f"found {json.dumps(value)}"
    if isinstance(value, int | float):
        if value != value:
            return "found NaN"
        return f"found {value:.6g}" if abs(value) < LARGEST_TOLD else "found a number too large"
    names: dict[type, str] = {str: "text", list: "a list", dict: "an object"}
    return f"found {names.get(type(value), 'something else')}"
