"""Nearest neighbours in a k-d tree, with array types."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array


def nearest_of(tree: cKDTree, points: Array, within: float = np.inf) -> tuple[Array, NDArray[np.intp]]:
    """Nearest point of a tree for each of many points.

    Parameters
    ----------
    tree : cKDTree
        Of M points in D dimensions.
    points : (N, D) float64
    within : float
        Greatest distance that is searched.

    Returns
    -------
    distance : (N,) float64
        In the unit of the points; infinite where no point is within reach.
    index : (N,) int
        Into the tree's points; M where no point is within reach.
    """
    distance, index = tree.query(points, distance_upper_bound=within)
    return np.asarray(distance), np.asarray(index)
