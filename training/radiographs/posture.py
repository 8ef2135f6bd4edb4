"""How people stand: discs, lordosis, scoliosis, and the patient's place in the device.

Segmental lordosis and disc heights, scoliosis mixture and neutral noise of asymptomatic adults (Sci Rep 2022
s41598-022-21840-x table 2; Zhang 2018; Masharawi 2010); widened, because a network should have seen more than the
average person.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lumbar3d.geometry import frames
from training.radiographs.vertebra_shapes import LocalShape

Array = NDArray[np.float64]

DISC_HEIGHT_MM = np.array([8.3, 9.6, 10.5, 11.2, 10.3])
DISC_HEIGHT_SD_MM = np.array([1.6, 1.8, 2.0, 2.3, 2.4])
DISC_ANGLE_DEG = np.array([4.6, 7.6, 9.2, 10.8, 15.4])
DISC_ANGLE_SD_DEG = np.array([3.0, 3.2, 3.4, 4.0, 5.0])


def posture(shapes: list[LocalShape], rng: np.random.Generator) -> tuple[list[Array], Array]:
    """World poses of the seven vertebrae and of the sacral plate."""
    joints = _joints(rng)
    poses = [np.eye(4)]
    for upper, lower, joint in zip(shapes[-2::-1], shapes[:0:-1], joints[-2::-1], strict=True):
        poses.insert(0, poses[0] @ lower.superior @ joint @ frames.invert(upper.inferior))
    sacrum = shapes[-1].inferior @ frames.invert(joints[-1])
    return _stand(poses, sacrum, rng)


def _stand(poses: list[Array], sacrum: Array, rng: np.random.Generator) -> tuple[list[Array], Array]:
    """Turn the chain so that L3 stands nearly upright, then place the patient loosely in the device."""
    yaw, pitch, roll = rng.normal(0.0, [5.0, 8.0, 2.5])
    level_l3 = frames.invert(poses[4])
    turned = frames.rotation_from_vector(np.radians([roll, pitch, 0.0]))
    turned = frames.rotation_from_vector(np.radians([0.0, 0.0, yaw])) @ turned
    place = np.clip(rng.normal(0.0, [14.0, 12.0, 20.0]), -40.0, 40.0)
    world = frames.rigid(turned, place) @ level_l3
    return [world @ pose for pose in poses], world @ sacrum


def _tilt(sagittal_deg: float, coronal_deg: float, axial_deg: float) -> Array:
    """Rotation of the upper vertebra in the lower one's plate frame; sagittal > 0 is lordosis (leans back)."""
    return frames.rotation_from_vector(np.radians([coronal_deg, -sagittal_deg, axial_deg]))


def _joints(rng: np.random.Generator) -> list[Array]:
    """Seven discs T11/T12 .. L5/S1: each the pose of the plate above in the frame of the plate below."""
    lordosis = rng.normal(0.0, 0.6)
    height_factor = np.exp(rng.normal(0.0, 0.08))
    height = np.clip(rng.normal(DISC_HEIGHT_MM, DISC_HEIGHT_SD_MM) * height_factor, 4.0, 18.0)
    worn = rng.random(5) < rng.uniform(0.0, 0.4)
    height = np.where(worn, np.maximum(height * rng.uniform(0.4, 0.85, 5), 3.0), height)
    angle = DISC_ANGLE_DEG + DISC_ANGLE_SD_DEG * (lordosis + 0.9 * rng.standard_normal(5))
    angle = np.clip(angle, -4.0, 26.0)
    height = np.concatenate([rng.normal(5.5, 1.0, 1), rng.normal(6.5, 1.2, 1), height])
    angle = np.concatenate([rng.normal(-2.0, 2.5, 1), rng.normal(0.0, 3.0, 1), angle])
    coronal, axial = _scoliosis(rng)
    joints = []
    for k in range(7):
        tilt = _tilt(angle[k], coronal[k] + rng.normal(0.0, 1.6), axial[k] + rng.normal(0.0, 1.5))
        joints.append(frames.rigid(tilt, np.array([rng.normal(-1.3, 1.3), rng.normal(0.0, 1.0), max(height[k], 3.0)])))
    return joints


def _scoliosis(rng: np.random.Generator) -> tuple[Array, Array]:
    """Coronal and axial increments per disc (deg) of a curve with its apex near L2-L3."""
    kind = rng.choice(4, p=[0.75, 0.17, 0.06, 0.02])
    low, high = [(0.0, 9.0), (9.0, 20.0), (20.0, 30.0), (30.0, 42.0)][kind]
    cobb = rng.uniform(low, high) * rng.choice([-1.0, 1.0])
    coronal = np.array([0.1, 0.1, 0.25, 0.25, 0.25, 0.25, -0.3]) * cobb
    twist = rng.uniform(0.2, 0.45) * cobb
    axial = np.array([-0.2, -0.2, -0.3, -0.2, 0.2, 0.3, 0.4]) * twist
    return coronal, axial
