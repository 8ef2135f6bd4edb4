"""Flip averaging (test-time augmentation) of frontal crops.

The mirror image of a vertebra from the front is one of somebody else. The refiner has learned from both, so its two
answers are both right and their errors differ; their mean is better. A mirrored lateral crop would be no lateral crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lumbar3d.anatomy import OTHER_SIDE
from lumbar3d.arrays import Image
from lumbar3d.detection.crops import CROP_PX, Crop

_LATERAL, _MIRRORED = 0, 1
"""Places in ``Crop.code``."""
_TO_THE_LEFT: Image = np.array([-1.0, 1.0], dtype=np.float32)
_FROM_THE_RIGHT: Image = np.array([CROP_PX - 1.0, 0.0], dtype=np.float32)
"""(u, v) of a mirrored crop times one plus the other: (u, v) of the crop."""


def looks(crops: Sequence[Crop]) -> list[Crop]:
    """The crops, then the frontal ones mirrored."""
    return [*crops, *(_mirrored(crop) for crop in crops if _is_frontal(crop))]


def merged(answers: Sequence[Image], crops: Sequence[Crop]) -> list[Image]:
    """Answers to ``crops``: the mean over what the refiner says of ``looks(crops)``.

    Parameters
    ----------
    answers : opacity (m, 160, 160), position (m, 7, 2) and covariance (m, 7, 2, 2)
        The position's second moments.

    Returns
    -------
    The same for the n crops: means of both looks where there are two. The mean of the covariances is that of errors
    which agree; how far they do is part of the calibration.
    """
    opacity, position, covariance = (answer[: len(crops)].copy() for answer in answers)
    frontal = [k for k, crop in enumerate(crops) if _is_frontal(crop)]
    again_opacity, again_position, again_covariance = (answer[len(crops) :] for answer in answers)
    back = again_position[:, OTHER_SIDE] * _TO_THE_LEFT + _FROM_THE_RIGHT
    turned = again_covariance[:, OTHER_SIDE] * np.outer(_TO_THE_LEFT, _TO_THE_LEFT)
    opacity[frontal] = (opacity[frontal] + again_opacity[..., ::-1]) / 2
    position[frontal] = (position[frontal] + back) / 2
    covariance[frontal] = (covariance[frontal] + turned) / 2
    return [opacity, position, covariance]


def _is_frontal(crop: Crop) -> bool:
    return bool(crop.code[_LATERAL] == 0.0)


def _mirrored(crop: Crop) -> Crop:
    """As if cut from the mirrored film; its origin stays that of the crop it is made of."""
    code = crop.code.copy()
    code[_MIRRORED] *= -1.0
    film, guide = (np.ascontiguousarray(image[..., ::-1]) for image in (crop.film, crop.guide))
    return replace(crop, film=film, guide=guide, code=code)
