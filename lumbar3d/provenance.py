"""Provenance of a result: files, constants, libraries, devices."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from lumbar3d.anatomy import LEVELS
from lumbar3d.constants import Recorded, recorded
from lumbar3d.contracts import AssetRecord
from lumbar3d.drr.projector import Projector
from lumbar3d.measurement.stated_errors import STATED_ERRORS
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.shape.assets import JOINT, AssetStore
from lumbar3d.shape.fracture_modes import FRACTURE

_OPTIONAL = (JOINT, FRACTURE, STATED_ERRORS)
"""Made for one set of shape models and networks: a hospital's own may have none."""
ASSETS = (*(f"ssm_{level}" for level in LEVELS), "network", "refiner", *_OPTIONAL)
_LIBRARIES = ("numpy", "scipy", "numba", "imagecodecs", "pillow", "pydicom")


@dataclass(frozen=True)
class Provenance:
    """Recorded in every result.

    Attributes
    ----------
    assets : tuple of AssetRecord
    constants : dict
        Every constant of the algorithm, by owner (``lumbar3d.constants``).
    versions : dict of str to str
        Of the libraries, and what the networks and the projector run on.
    """

    assets: tuple[AssetRecord, ...]
    constants: Recorded
    versions: dict[str, str]


def describe(
    store: AssetStore, providers: Sequence[str], projector: Projector, registration: RegistrationConstants
) -> Provenance:
    """Collect what does not change while an engine lives."""
    versions = {name: version(name) for name in _LIBRARIES}
    versions |= {"python": platform.python_version()}
    versions |= {"network_runs_on": ", ".join(providers), "projector": type(projector).__name__}
    return Provenance(
        assets=tuple(store.describe(name) for name in ASSETS if name not in _OPTIONAL or name in store.records),
        constants=recorded(registration),
        versions=versions,
    )
