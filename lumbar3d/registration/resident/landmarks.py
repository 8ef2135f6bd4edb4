"""Landmark term of all levels and views; the formulas are ``registration.landmark_term``'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.registration.landmark_term import DIFFERENCE_MM, LandmarkTerm
from lumbar3d.registration.resident.device import Device, DeviceArray
from lumbar3d.registration.resident.views import Views


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Detected landmarks; one that is missing has no weight.

    Attributes
    ----------
    target_px : (L, V, 7, 2) float64
    whitening : (L, V, 7, 2, 2) float64
    robust_sigmas : float
    """

    views: Views
    target_px: DeviceArray
    whitening: DeviceArray
    robust_sigmas: float

    def cost(self, world: DeviceArray) -> DeviceArray:
        """Pseudo-Huber sums (L,) of landmarks (L, 7, 3)."""
        stretch = self._stretch(self._residual(world))
        return self.robust_sigmas**2 * (stretch - 1.0).sum(axis=(1, 2))

    def rows(self, world: DeviceArray, motion: DeviceArray) -> tuple[DeviceArray, DeviceArray]:
        """Rows (L, V, 14, P) whose product with themselves is the Hessian, and what they weigh, (L, V, 14).

        Parameters
        ----------
        world : (L, 7, 3) float64
        motion : (L, 7, 3, P) float64
            d(landmark) / d(parameter).
        """
        xp = self.views.device.xp
        residual = self._residual(world)
        root = xp.sqrt(1.0 / self._stretch(residual))[..., None]
        jacobian = (self._slopes(world)[..., None] * motion[:, None, :, None]).sum(axis=-2)
        rows = (root[..., None] * jacobian).reshape(*residual.shape[:2], -1, motion.shape[-1])
        return rows, (root * residual).reshape(rows.shape[:-1])

    def _slopes(self, world: DeviceArray) -> DeviceArray:
        """d(residual) / d(landmark), (L, V, 7, 2, 3), by central differences."""
        xp = self.views.device.xp
        steps = DIFFERENCE_MM * xp.concatenate([xp.eye(3), -xp.eye(3)])
        points = (world[:, None] + steps[:, None]).reshape(len(world), -1, 3)
        pixels = self.views.pixels(points).reshape(*self.target_px.shape[:2], 2, 3, *self.target_px.shape[2:])
        slopes = (pixels[:, :, 0] - pixels[:, :, 1]) / (2 * DIFFERENCE_MM)
        return xp.moveaxis((self.whitening[:, :, None] * slopes[..., None, :]).sum(axis=-1), 2, -1)

    def _residual(self, world: DeviceArray) -> DeviceArray:
        """Errors in sigmas, (L, V, 7, 2)."""
        return self._whitened(self.views.pixels(world) - self.target_px)

    def _whitened(self, error_px: DeviceArray) -> DeviceArray:
        return (self.whitening * error_px[..., None, :]).sum(axis=-1)

    def _stretch(self, residual: DeviceArray) -> DeviceArray:
        return self.views.device.xp.sqrt(1.0 + (residual**2).sum(axis=-1) / self.robust_sigmas**2)


def landmarks(device: Device, shown: Views, terms: Sequence[Sequence[LandmarkTerm]]) -> Landmarks:
    """Upload the terms of each level and view."""
    shape = (len(terms), len(terms[0]), len(LANDMARKS))
    target, whitening = np.zeros((*shape, 2)), np.zeros((*shape, 2, 2))
    for row, level in enumerate(terms):
        for column, term in enumerate(level):
            target[row, column, term.chosen] = term.target_px
            whitening[row, column, term.chosen] = term.whitening
    return Landmarks(shown, device.upload(target), device.upload(whitening), terms[0][0].robust_sigmas)
