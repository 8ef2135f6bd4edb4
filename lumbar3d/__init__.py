"""lumbar3d: two calibrated radiographs to the lumbar spine in 3D.

``lumbar3d.reconstruct(ap, lat, calibration)`` is the library in one call; see ``lumbar3d.pipeline.reconstruct``.

World frame everywhere: SRS / ISO 2631, x anterior, y left, z up, millimetres.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lumbar3d.pipeline import reconstruct as reconstruct

__version__ = "0.1.0"
__all__ = ["__version__", "reconstruct"]


def __getattr__(name: str) -> Any:
    """Load the engine when it is first asked for: the front end imports this package and has no engine."""
    if name == "reconstruct":
        return import_module("lumbar3d.pipeline").reconstruct
    raise AttributeError(f"module 'lumbar3d' has no attribute '{name}'")
