"""Agreement of a fitted vertebra with the detected images, at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.registration.image_term import ImageFit, ImageTerm


@dataclass(frozen=True)
class ViewQuality:
    """Agreement in one view: mean absolute residual in the silhouettes' union, and their Dice."""

    residual: float
    dice: float


def view_quality(term: ImageTerm, fit: ImageFit) -> ViewQuality:
    """Compare fitted and detected silhouettes (opacity above a threshold) and the opacities inside them."""
    threshold = term.constants.silhouette_opacity
    fitted, detected = fit.residual + term.target > threshold, term.target > threshold
    union = fitted | detected
    if not union.any():
        return ViewQuality(residual=1.0, dice=0.0)
    dice = 2.0 * float((fitted & detected).sum()) / float(fitted.sum() + detected.sum())
    return ViewQuality(residual=float(np.abs(fit.residual[union]).mean()), dice=dice)
