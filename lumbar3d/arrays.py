"""Array types by dtype, named once; shapes and units stand in docstrings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""Coordinates, angles, covariances: whatever is computed in double precision."""
Image = NDArray[np.float32]
"""Grey values, opacities and heatmaps (rows, columns), network outputs and the inner loops of the fit."""
Indices = NDArray[np.int32]
"""Numbers of vertices, as meshes and shape models store them."""
Places = NDArray[np.int64]
"""Numbers of pixels, cells and rows, as NumPy counts."""
Numbers = NDArray[np.intp]
"""The same in the machine's own width, as searches and sorting return them."""
Mask = NDArray[np.bool_]
