"""The measurements as FHIR R4: a bundle of one DiagnosticReport and an Observation each.

Nobody is named: the receiver, who knows the patient and the study, adds ``subject`` and ``imagingStudy``. Everything is
preliminary until somebody has accepted it.
"""

from __future__ import annotations

import uuid
from typing import Any

from lumbar3d.contracts import Measurement, ReconstructionResult
from lumbar3d.notes import HIPS_PLACED, NO_PELVIS, NO_SACRUM

SYSTEM = "urn:lumbar3d:measurement"
"""Code system of the measurements' codes."""
STANDARD_ERROR = {"system": "urn:lumbar3d:statistic", "code": "standard-error", "display": "Standard error"}
_UCUM = {"mm": "mm", "deg": "deg", "%": "%", "cm3": "cm3", "mm2": "mm2"}
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, SYSTEM)
_ADULTS = {"female": "women", "male": "men", None: "adults"}
_NORMAL_SDS = 2.0
"""Reference ranges reach this far from the norm's mean."""


def bundle(result: ReconstructionResult, identity: str) -> dict[str, Any]:
    """A FHIR R4 Bundle of type collection.

    Parameters
    ----------
    result : ReconstructionResult
    identity : str
        Of the document, e.g. its SHA-256: the same gives the same ids.
    """
    status = "final" if result.review is not None and result.review.state == "accepted" else "preliminary"
    observations = [_observation(each, status) for each in result.measurements]
    addresses = [_address(f"{identity}/{number}") for number in range(len(observations))]
    report = {
        "resourceType": "DiagnosticReport",
        "status": status,
        "code": {"text": "Lumbar spine in 3D from two calibrated radiographs"},
        "result": [{"reference": address} for address in addresses],
        "conclusion": f"Quality of the reconstruction: {result.quality}. {_sacrum(result)}{result.intended_use} "
        f"({result.software})",
    }
    resources = {_address(identity): report, **dict(zip(addresses, observations, strict=True))}
    entries = [{"fullUrl": address, "resource": resource} for address, resource in resources.items()]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _sacrum(result: ReconstructionResult) -> str:
    """What is not given, and why."""
    if result.sacrum is None:
        return ""
    why, absent = result.sacrum.pelvis, result.sacrum.absent
    pelvis = f"{HIPS_PLACED} " if why is None else f"Pelvic incidence and tilt are not given: {NO_PELVIS[why]}. "
    return pelvis if absent is None else f"S1 is not measured: {NO_SACRUM[absent]}. {pelvis}"


def _observation(each: Measurement, status: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "resourceType": "Observation",
        "status": status,
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "imaging"}]}
        ],
        "code": {"coding": [{"system": SYSTEM, "code": each.code, "display": each.name}], "text": each.name},
        "valueQuantity": _quantity(each.value, each.unit),
        "note": [{"text": each.definition}],
        "bodySite": {"text": each.target},
    }
    if each.flag != "ok":
        told["note"].append({"text": f"flag: {each.flag}"})
    if each.sigma is not None:
        error = {"code": {"coding": [STANDARD_ERROR]}, "valueQuantity": _quantity(each.sigma, each.unit)}
        told["component"] = [error]
    if each.norm is not None:
        reach = _NORMAL_SDS * each.norm.sd
        told["referenceRange"] = [
            {
                "low": _quantity(each.norm.mean - reach, each.unit),
                "high": _quantity(each.norm.mean + reach, each.unit),
                "text": f"mean and {_NORMAL_SDS:g} SD of {_ADULTS[each.norm.sex]}: {each.norm.source}",
            }
        ]
    return told


def _quantity(value: float, unit: str) -> dict[str, Any]:
    """Four decimals: what is below is noise."""
    return {"value": round(value, 4), "unit": unit, "system": "http://unitsofmeasure.org", "code": _UCUM[unit]}


def _address(name: str) -> str:
    return f"urn:uuid:{uuid.uuid5(_SPACE, name)}"
