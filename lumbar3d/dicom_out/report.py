"""Structured report of the measurements (DICOM PS3.16, TID 1500)."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from itertools import groupby

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    MeasurementProperties,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    MeasurementStatisticalProperties,
    NumContentItem,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from highdicom.sr import Measurement as NumberItem
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.valuerep import DT

from lumbar3d.contracts import Measurement, Norm, ReconstructionResult
from lumbar3d.dicom_out.models import VERTEBRAE
from lumbar3d.dicom_out.objects import FIRST_SERIES, MANUFACTURER, MODEL, REMARK, Origin, stamp
from lumbar3d.imaging.formats.clean_dicom import PATIENT_AND_STUDY

SCHEME = "99LUMBAR3D"
"""Private coding scheme: the codes of the result document."""
UNITS = {
    "mm": codes.UCUM.Millimeter,
    "deg": codes.UCUM.Degree,
    "%": codes.UCUM.Percent,
    "cm3": Code("cm3", "UCUM", "cubic centimeter"),
    "mm2": codes.UCUM.SquareMillimeter,
}
_STANDARD_ERROR = Code("C53322", "NCIt", "Standard Error")
_MEAN, _SD = Code("373098007", "SCT", "Mean"), Code("386136009", "SCT", "Standard Deviation")
_SPINE = Code("122496007", "SCT", "Lumbar spine")
_SITES = {**VERTEBRAE, "S1": Code("54735007", "SCT", "Sacrum")}
_RADIOGRAPHY = Code("168537006", "SCT", "Plain radiography")
_MEANING_MOST = 64
_INTENDED_USE = Code("intended_use", SCHEME, "Intended use")
_RESEARCH = Code("research", SCHEME, "Decision support for research. Not a medical device.")


def structured_report(origin: Origin, result: ReconstructionResult) -> Dataset:
    """Every measurement with its standard error, flag and norm, grouped by target and flag; preliminary, unverified."""
    groups = [_whole(origin, result)]
    ordered = sorted(result.measurements, key=_group_of)
    for (target, flag), members in groupby(ordered, _group_of):
        groups.append(_group(origin, target, flag, members))
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(origin)),
        procedure_reported=_RADIOGRAPHY,
        imaging_measurements=groups,
    )
    report = Comprehensive3DSR(
        evidence=[_nameless(film) for film in origin.films],
        content=content[0],
        series_instance_uid=origin.uid("series measurements"),
        series_number=FIRST_SERIES,
        sop_instance_uid=origin.signed_uid("measurements"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        series_description=f"lumbar3d measurements ({REMARK})",
    )
    for keyword in PATIENT_AND_STUDY:
        setattr(report, keyword, origin.films[0].get(keyword))
    for equipment in report.ContributingEquipmentSequence:
        equipment.ContributionDateTime = DT(origin.date + origin.time)
    stamp(report, origin)
    return report


def _nameless(film: Dataset) -> Dataset:
    """The film for highdicom, which warns of names with one component and quotes them."""
    nameless = copy.deepcopy(film)
    nameless.PatientName = nameless.ReferringPhysicianName = ""
    return nameless


def _group_of(measurement: Measurement) -> tuple[str, str]:
    return measurement.target, measurement.flag


def _whole(origin: Origin, result: ReconstructionResult) -> MeasurementsAndQualitativeEvaluations:
    """What holds for all measurements: how good the reconstruction is, and what it may be used for."""
    said = [QualitativeEvaluation(_INTENDED_USE, _RESEARCH), _said("quality", "Quality", result.quality)]
    said.append(QualitativeEvaluation(CodedConcept("review", SCHEME, "Signed"), _words(origin.review)))
    said += [_said("note", "Note", note) for note in result.notes]
    if result.sacrum is not None:
        said.append(_said("sacral_plate", "Plate of S1", result.sacrum.absent or "measured"))
        said.append(_said("pelvis", "Pelvic incidence and tilt", result.sacrum.pelvis or "measured"))
        said.append(_said("femoral_heads", "Femoral heads", "placed_by_hand" if result.sacrum.hips else "not_known"))
    said += [_said(f"quality_{each.level}", f"Quality of {each.level}", each.quality.flag) for each in result.levels]
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracked(origin, "reconstruction"),
        finding_sites=[FindingSite(_SPINE)],
        qualitative_evaluations=said,
        source_images=[SourceImageForMeasurementGroup(each.SOPClassUID, each.SOPInstanceUID) for each in origin.films],
    )


def _group(
    origin: Origin, target: str, flag: str, members: Iterable[Measurement]
) -> MeasurementsAndQualitativeEvaluations:
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracked(origin, target if flag == "ok" else f"{target} {flag}"),
        finding_sites=[FindingSite(site) for site in _sites(target)],
        measurements=[_number(member) for member in members],
        qualitative_evaluations=[_said("flag", "Support of the values", flag)],
    )


def _sites(target: str) -> list[Code]:
    """L3, both of L3/L4, the sacrum for S1, or the lumbar spine for a span."""
    return [_SITES[bone] for bone in target.split("/") if bone in _SITES] or [_SPINE]


def _number(measurement: Measurement) -> NumberItem:
    unit = UNITS[measurement.unit]
    population = None if measurement.norm is None else _population(measurement.norm, unit)
    properties = MeasurementProperties(measurement_statistical_properties=population)
    if measurement.sigma is not None:
        properties.append(_property(_STANDARD_ERROR, measurement.sigma, unit))
    name = CodedConcept(measurement.code, SCHEME, measurement.name[:_MEANING_MOST])
    return NumberItem(name=name, value=measurement.value, unit=unit, properties=properties)


def _population(norm: Norm, unit: Code) -> MeasurementStatisticalProperties:
    values = [_property(_MEAN, norm.mean, unit), _property(_SD, norm.sd, unit)]
    return MeasurementStatisticalProperties(values=values, authority=norm.source)


def _property(name: Code, value: float, unit: Code) -> NumContentItem:
    return NumContentItem(name, value, unit, relationship_type=RelationshipTypeValues.HAS_PROPERTIES)


def _said(code: str, meaning: str, value: str) -> QualitativeEvaluation:
    words = value.replace("_", " ")
    return QualitativeEvaluation(CodedConcept(code, SCHEME, meaning), CodedConcept(value, SCHEME, words))


def _words(text: str) -> CodedConcept:
    """Of a sign-off, which may be longer than a meaning may."""
    state = text.split(maxsplit=1)[0].rstrip(",")
    return CodedConcept(f"review_{state}", SCHEME, text[:_MEANING_MOST])


def _tracked(origin: Origin, name: str) -> TrackingIdentifier:
    return TrackingIdentifier(origin.uid(f"measurements of {name}"), name)


def _observer(origin: Origin) -> ObserverContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=origin.uid("device"), name=MODEL, manufacturer_name=MANUFACTURER, model_name=MODEL
    )
    return ObserverContext(codes.DCM.Device, device)
