"""lumbar3d: two calibrated radiographs to the lumbar spine in 3D.

``lumbar3d.reconstruct(ap, lat, calibration)`` is the library in one call; ``docs/python.md`` has the rest. What
``__all__`` names is public and stays.

World frame everywhere: SRS / ISO 2631, x anterior, y left, z up, millimetres.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lumbar3d.contracts import Calibration as Calibration
    from lumbar3d.contracts import Measurement as Measurement
    from lumbar3d.contracts import ReconstructOptions as ReconstructOptions
    from lumbar3d.library.call import reconstruct as reconstruct
    from lumbar3d.library.folder import Case as Case
    from lumbar3d.library.folder import reconstruct_folder as reconstruct_folder
    from lumbar3d.library.spine import Spine as Spine
    from lumbar3d.library.spine import Vertebra as Vertebra

__version__ = "0.1.0"
_HOMES = {
    "Calibration": "contracts",
    "Case": "library.folder",
    "Measurement": "contracts",
    "ReconstructOptions": "contracts",
    "Spine": "library.spine",
    "Vertebra": "library.spine",
    "reconstruct": "library.call",
    "reconstruct_folder": "library.folder",
}
__all__ = [
    "Calibration",
    "Case",
    "Measurement",
    "ReconstructOptions",
    "Spine",
    "Vertebra",
    "__version__",
    "client",
    "errors",
    "reconstruct",
    "reconstruct_folder",
]
_MODULES = ("client", "errors")


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is: the front end imports this package and has no engine."""
    if name in _HOMES:
        return getattr(import_module(f"lumbar3d.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"lumbar3d.{name}")
    raise AttributeError(f"module 'lumbar3d' has no attribute '{name}'")


def __dir__() -> list[str]:
    """For completion in a notebook."""
    return sorted({*globals(), *__all__})
