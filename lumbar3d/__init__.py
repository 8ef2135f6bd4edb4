"""lumbar3d: two calibrated radiographs to the lumbar spine in 3D.

World frame everywhere: SRS / ISO 2631, x anterior, y left, z up, millimetres.
"""

__version__ = "0.1.0"
