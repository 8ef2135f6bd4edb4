"""The JSON parts of a request: parsed strictly, refused without quoting them."""

from __future__ import annotations

import codecs
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from lumbar3d.contracts import Calibration, ReconstructOptions
from lumbar3d.errors import CalibrationError, InputError, OptionsError

Model = TypeVar("Model", bound=BaseModel)
MAX_FAULTS = 10
VIEW_TYPES = ("matrix", "geometry")
"""How a view may be told (``contracts``); no field of a view bears such a name."""


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


def _parse(model: type[Model], text: bytes, refusal: type[InputError]) -> Model:
    try:
        return model.model_validate_json(text.removeprefix(codecs.BOM_UTF8), strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        faults = [_fault(fault["loc"], fault["type"]) for fault in found[:MAX_FAULTS]]
        # From None: the validation error carries the input, and a traceback would carry the error.
        raise refusal("the JSON part does not follow its contract", faults) from None


def _fault(location: tuple[int | str, ...], kind: str) -> dict[str, str]:
    """Where and what; the name of an unknown field is the caller's text, so it is left out.

    The pointer (RFC 6901) is one into the document as it was sent: the member of a union that the validator names
    between a view and its fields is no part of it.
    """
    known = location[:-1] if kind == "extra_forbidden" else location
    sent = [part for k, part in enumerate(known) if not (k == 1 and part in VIEW_TYPES)]
    return {"pointer": "".join(f"/{part}" for part in sent), "code": kind}
