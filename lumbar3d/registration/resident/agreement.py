"""Agreement of fitted vertebrae with the detected images; as ``registration.agreement``, of all at once."""

from __future__ import annotations

import numpy as np

from lumbar3d.registration.agreement import ViewQuality
from lumbar3d.registration.resident.images import Comparison, Images


def view_qualities(images: Images, found: Comparison) -> list[tuple[ViewQuality, ...]]:
    """Mean absolute residual in the silhouettes' union, and their Dice, of each level and view."""
    here, device = images.regions, images.device
    xp, threshold = device.xp, here.constants.silhouette_opacity
    inside = here.inside > 0.0
    fitted, detected = inside & (found.residual + here.target > threshold), inside & (here.target > threshold)
    union = fitted | detected
    off = xp.where(union, xp.abs(found.residual), 0.0)
    counts = [part.sum(axis=(2, 3)) for part in (union, fitted & detected, fitted, detected)]
    sums = device.fetch(xp.stack([off.sum(axis=(2, 3), dtype=xp.float64), *counts]).astype(xp.float64))
    seen, none = np.maximum(sums[1], 1.0), sums[1] == 0.0
    residual = np.where(none, 1.0, sums[0] / seen)
    dice = np.where(none, 0.0, 2.0 * sums[2] / np.maximum(sums[3] + sums[4], 1.0))
    return [
        tuple(ViewQuality(residual=float(off_by), dice=float(same)) for off_by, same in zip(*level, strict=True))
        for level in zip(residual, dice, strict=True)
    ]
