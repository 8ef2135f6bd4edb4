"""Mirror image of a detection: the film mirrored left to right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lumbar3d.anatomy import OTHER_SIDE
from lumbar3d.detection.result import ViewDetection


def mirrored_view(view: ViewDetection) -> ViewDetection:
    """Detection of the film mirrored left to right, left and right of the patient exchanged."""
    sign = np.array([-1.0, 1.0])
    pixels = view.landmarks_px[:, OTHER_SIDE] * sign + np.array([view.projection.columns - 1.0, 0.0])
    covariance = view.landmark_covariance_px2
    return replace(
        view,
        decomposition=np.ascontiguousarray(view.decomposition[..., ::-1]),
        landmarks_px=pixels,
        landmark_sigma_px=view.landmark_sigma_px[:, OTHER_SIDE],
        landmark_covariance_px2=None if covariance is None else covariance[:, OTHER_SIDE] * sign[:, None] * sign,
    )
