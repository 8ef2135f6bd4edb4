"""Poses and shapes of all levels, and steps from them; the formulas are ``registration.parameters``'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.geometry import frames
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.parameters import POSE, Parameters
from lumbar3d.registration.resident.device import Device, DeviceArray
from lumbar3d.registration.resident.surfaces import crossed, turned


@dataclass(frozen=True, eq=False)
class Poses:
    """world = rotation @ instance(coefficients) + translation.

    Attributes
    ----------
    rotation : (L, 3, 3) float64
    translation : (L, 3) float64
    coefficients : (L, K) float64
        SD; zero for modes that a level does not have.
    """

    device: Device
    rotation: DeviceArray
    translation: DeviceArray
    coefficients: DeviceArray

    @classmethod
    def of(cls, device: Device, levels: Sequence[Parameters], rank: int) -> Poses:
        """Upload the levels' parameters."""
        coefficients = np.stack([np.pad(level.coefficients, (0, rank - len(level.coefficients))) for level in levels])
        poses = np.stack([level.world_from_model for level in levels])
        return cls(device, device.upload(poses[:, :3, :3]), device.upload(poses[:, :3, 3]), device.upload(coefficients))

    def fetched(self, ranks: Sequence[int]) -> list[Parameters]:
        """Parameters of each level, with as many coefficients as its model has modes."""
        rotation, translation, coefficients = (
            self.device.fetch(part) for part in (self.rotation, self.translation, self.coefficients)
        )
        return [
            Parameters(frames.rigid(rotation[row], translation[row]), coefficients[row, :rank])
            for row, rank in enumerate(ranks)
        ]

    def world(self, points: DeviceArray) -> DeviceArray:
        """World points (L, n, 3) of points in the models' frames."""
        return turned(self.rotation, points) + self.translation[:, None]

    def moved(self, step: DeviceArray, limit_sd: float) -> Poses:
        """Apply steps (L, 6 + active); as ``Parameters.moved``."""
        xp, active = self.device.xp, step.shape[1] - POSE
        turn = _rotations(xp, step[:, :3])
        rotation = (self.rotation[:, :, :, None] * turn[:, None]).sum(axis=2)
        coefficients = self.coefficients + 0.0
        coefficients[:, :active] += step[:, POSE:]
        bounded = xp.minimum(xp.maximum(coefficients, -limit_sd), limit_sd)
        return Poses(self.device, rotation, self.translation + step[:, 3:POSE], bounded)

    def take(self, other: Poses, chosen: DeviceArray) -> None:
        """Overwrite the levels (L,) that are chosen with those of another."""
        xp = self.device.xp
        self.rotation[...] = xp.where(chosen[:, None, None], other.rotation, self.rotation)
        self.translation[...] = xp.where(chosen[:, None], other.translation, self.translation)
        self.coefficients[...] = xp.where(chosen[:, None], other.coefficients, self.coefficients)


def capped(xp: DeviceArray, step: DeviceArray, constants: RegistrationConstants) -> DeviceArray:
    """Steps (L, P) shortened so that none of their parts leaves the range where the linear model holds."""
    turn = xp.sqrt((step[:, :3] ** 2).sum(axis=1)) / constants.step_rotation_rad
    way = xp.sqrt((step[:, 3:POSE] ** 2).sum(axis=1)) / constants.step_translation_mm
    shape = xp.abs(step[:, POSE:]).max(axis=1) / constants.step_coefficient_sd
    excess = xp.maximum(xp.maximum(turn, way), xp.maximum(shape, 1.0))
    return step / excess[:, None]


def _rotations(xp: DeviceArray, vectors: DeviceArray) -> DeviceArray:
    """Rotations (L, 3, 3) of rotation vectors (L, 3); as ``frames.rotation_from_vector``."""
    angle = xp.sqrt((vectors**2).sum(axis=-1))[:, None, None]
    cross = crossed(xp, vectors[:, None], xp.eye(3)).transpose(0, 2, 1)
    twice = (cross[:, :, :, None] * cross[:, None]).sum(axis=2)
    first, second = xp.sinc(angle / np.pi), 0.5 * xp.sinc(angle / (2.0 * np.pi)) ** 2
    return xp.eye(3) + first * cross + second * twice
