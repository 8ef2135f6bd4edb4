"""Anatomical directions of DICOM headers in the world: x anterior, y to the patient's left, z up."""

from __future__ import annotations

import numpy as np

X, Y, Z = np.eye(3)
TOWARDS = {"L": Y, "R": -Y, "A": X, "P": -X, "H": Z, "F": -Z}
"""Letters of Patient Orientation."""
RECEPTOR = {"AP": -X, "PA": X, "LL": Y, "RL": -Y}
"""On which side of the patient View Position puts the receptor."""
