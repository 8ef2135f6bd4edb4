"""What a result was made with: files, constants, libraries, devices."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

from lumbar3d.contracts import LEVELS, AssetRecord
from lumbar3d.detection import chain, naming
from lumbar3d.detection.chain import ChainConstants
from lumbar3d.detection.naming import NamingConstants
from lumbar3d.drr.attenuation import MU_PER_MM
from lumbar3d.drr.projector import Projector
from lumbar3d.imaging import normalise, preprocess
from lumbar3d.measurement.frames import AXIS_WEIGHTS
from lumbar3d.measurement.sampling import MeasurementConstants
from lumbar3d.quality import CONSTANTS as QUALITY
from lumbar3d.quality import QualityConstants
from lumbar3d.refusal import constants as refusal
from lumbar3d.refusal import laterality, laterality_landmarks, verdict
from lumbar3d.refusal.constants import RefusalConstants
from lumbar3d.refusal.laterality_landmarks import MirrorConstants
from lumbar3d.refusal.verdict import VerdictConstants
from lumbar3d.registration import rough_fits
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.shape.assets import JOINT, AssetStore

_Limits = QualityConstants | RefusalConstants | ChainConstants | NamingConstants | MirrorConstants | VerdictConstants
Constants = dict[str, dict[str, float | int | str | bool]]

ASSETS = (*(f"ssm_{level}" for level in LEVELS), "network", "refiner", JOINT)
_LIBRARIES = ("numpy", "scipy", "numba", "imagecodecs", "pillow", "pydicom")


@dataclass(frozen=True)
class Provenance:
    """Recorded in every result.

    Attributes
    ----------
    assets : tuple of AssetRecord
    constants : dict
        Every constant of the algorithm, by stage.
    versions : dict of str to str
        Of the libraries, and what the networks and the projector run on.
    """

    assets: tuple[AssetRecord, ...]
    constants: Constants
    versions: dict[str, str]


def describe(
    store: AssetStore, providers: Sequence[str], projector: Projector, registration: RegistrationConstants
) -> Provenance:
    """Collect what does not change while an engine lives."""
    versions = {name: version(name) for name in _LIBRARIES}
    versions |= {"python": platform.python_version()}
    versions |= {"network_runs_on": ", ".join(providers), "projector": type(projector).__name__}
    return Provenance(
        assets=tuple(store.describe(name) for name in ASSETS if name != JOINT or name in store.records),
        constants={
            "imaging": {**asdict(preprocess.GRID), **asdict(normalise.CONSTANTS)},
            "detection": {
                name: value
                for part in (refusal.CONSTANTS, chain.CONSTANTS, naming.CONSTANTS, laterality_landmarks.CONSTANTS)
                for name, value in _limits(part).items()
            },
            "registration": {**registration.record(), "attenuation_per_mm": MU_PER_MM},
            "measurement": {**asdict(MeasurementConstants()), **{f"axis_{k}": v for k, v in AXIS_WEIGHTS.items()}},
            "mirrored": {**asdict(laterality.CONSTANTS), "factor": rough_fits.CONSTANTS.factor},
            "quality": {**_limits(QUALITY), **_limits(verdict.CONSTANTS)},
        },
        versions=versions,
    )


def _limits(constants: _Limits) -> dict[str, float | str]:
    """By name; pairs of limits as ``low-high``."""
    values = asdict(constants).items()
    return {name: "-".join(map(str, value)) if isinstance(value, tuple) else value for name, value in values}
