"""Random standing spines: shapes from the statistical models' prior, posture from published standing statistics.

Posture figures: segmental lordosis and disc heights, scoliosis mixture and neutral noise of asymptomatic adults
(Sci Rep 2022 s41598-022-21840-x table 2; Zhang 2018; Masharawi 2010); widened, because a network should have seen more
than the average person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh, volume_mm3
from lumbar3d.shape.model import ShapeModel

Array = NDArray[np.float64]

DISC_HEIGHT_MM = np.array([8.3, 9.6, 10.5, 11.2, 10.3])
DISC_HEIGHT_SD_MM = np.array([1.6, 1.8, 2.0, 2.3, 2.4])
DISC_ANGLE_DEG = np.array([4.6, 7.6, 9.2, 10.8, 15.4])
DISC_ANGLE_SD_DEG = np.array([3.0, 3.2, 3.4, 4.0, 5.0])
THORACIC_SCALE = (0.90, 0.95)
"""T11 and T12 are drawn from the L1 model and shrunk by this much (body widths of Panjabi 1991)."""


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One vertebra in the world.

    Attributes
    ----------
    mesh : TriangleMesh
        Decimated surface, mm.
    inner : TriangleMesh
        The marrow surface: the outer one moved inwards by the thickness of the cortex.
    landmarks_mm : (7, 3) float
    """

    mesh: TriangleMesh
    inner: TriangleMesh
    landmarks_mm: Array


@dataclass(frozen=True, eq=False)
class Spine:
    """T11, T12, L1..L5 and the place of the sacrum."""

    lumbar: tuple[Vertebra, ...]
    thoracic: tuple[Vertebra, ...]
    thoracic_poses: tuple[Array, ...]
    world_from_sacrum: Array


@dataclass(frozen=True, eq=False)
class _Local:
    """A drawn shape in its own frame, with its two plate frames (z out of the body's top, x anterior)."""

    vertices: Array
    landmarks: Array
    superior: Array
    inferior: Array
    thickness_mm: Array


class _Sampler:
    """Draws shapes of one level on the decimated mesh only."""

    def __init__(self, model: ShapeModel) -> None:
        rims = [model.patches["plate_sup_rim"], model.patches["plate_inf_rim"]]
        groups = [model.fit_vertices, model.landmark_indices, *rims]
        self._ends = np.cumsum([len(group) for group in groups])[:-1]
        used = np.concatenate(groups)
        self._mean, self._modes = model.mean[used], model.scaled_modes[used]
        self.faces = model.fit_faces
        self._rank = model.rank
        body = np.zeros(len(model.mean), dtype=bool)
        body[model.patches["body"]] = True
        self._is_body = body[model.fit_vertices]
        self._size_direction = self._find_size_direction()

    def _find_size_direction(self) -> Array:
        """Unit coefficient vector along which the volume grows fastest."""
        count = self._ends[0]
        base = volume_mm3(self._mean[:count], self.faces)
        steps = [volume_mm3((self._mean + self._modes[..., k])[:count], self.faces) for k in range(self._rank)]
        gradient = np.array(steps) - base
        return np.asarray(gradient / np.linalg.norm(gradient))

    def draw(self, size_sd: float, spread: float, stretch: Array, rng: np.random.Generator) -> _Local:
        """One shape: the size shared along the spine, every other direction of the prior free."""
        free = rng.standard_normal(self._rank) * spread
        along = self._size_direction
        coefficients = free + (0.9 * size_sd - 0.56 * (free @ along)) * along
        points = self._mean + self._modes @ np.clip(coefficients, -3.0, 3.0).astype(np.float32)
        if rng.random() < 0.04:
            points = _collapsed(points, rng)
        points = points * stretch
        vertices, landmarks, sup, inf = np.split(points, self._ends)
        cortex = np.where(self._is_body, rng.uniform(0.4, 1.1), rng.uniform(0.9, 2.0))
        return _Local(vertices, landmarks, _plate_frame(sup), _plate_frame(inf), cortex)


def _collapsed(points: Array, rng: np.random.Generator) -> Array:
    """Compression fracture: the front of the body loses up to a third of its height."""
    front = np.clip((points[:, 0] + 18.0) / 36.0, 0.0, 1.0)
    out = points.copy()
    out[:, 2] *= 1.0 - rng.uniform(0.1, 0.35) * front
    return out


def _plate_frame(rim: Array) -> Array:
    """Local frame on an endplate: origin its centre, z its upward normal, x anterior."""
    centre = rim.mean(axis=0)
    normal = np.linalg.svd(rim - centre, full_matrices=False)[2][2]
    normal = normal if normal[2] > 0 else -normal
    left = np.cross(normal, [1.0, 0.0, 0.0])
    left /= np.linalg.norm(left)
    return frames.rigid(np.column_stack([np.cross(left, normal), left, normal]), centre)


def _tilt(sagittal_deg: float, coronal_deg: float, axial_deg: float) -> Array:
    """Rotation of the upper vertebra in the lower one's plate frame; sagittal > 0 is lordosis (leans back)."""
    return frames.rotation_from_vector(np.radians([coronal_deg, -sagittal_deg, axial_deg]))


class SpineSampler:
    """Endless different people."""

    def __init__(self, models: tuple[ShapeModel, ...]) -> None:
        self._samplers = [_Sampler(model) for model in models]

    def draw(self, rng: np.random.Generator) -> Spine:
        """One standing spine, L3 near the origin, x anterior, y left, z up."""
        size, spread = rng.standard_normal(), rng.uniform(0.7, 1.1)
        stretch = 1.0 + 0.045 * rng.standard_normal() + 0.03 * rng.standard_normal(3)
        order = [0, 0, 0, 1, 2, 3, 4]
        shapes = []
        for position, level in enumerate(order):
            scale = THORACIC_SCALE[position] if position < 2 else 1.0
            own = stretch * scale * (1.0 + 0.012 * rng.standard_normal(3))
            shape = self._samplers[level].draw(size + 0.3 * rng.standard_normal(), spread, own, rng)
            shapes.append(_narrowed(shape) if position < 2 else shape)
        poses, sacrum = _posture(shapes, rng)
        meshes = [
            _vertebra(shape, pose, self._samplers[level].faces)
            for shape, pose, level in zip(shapes, poses, order, strict=True)
        ]
        return Spine(tuple(meshes[2:]), tuple(meshes[:2]), tuple(poses[:2]), sacrum)


def _narrowed(shape: _Local) -> _Local:
    """Thoracic vertebrae have short transverse processes."""
    vertices = shape.vertices.copy()
    side = np.abs(vertices[:, 1])
    vertices[:, 1] = np.sign(vertices[:, 1]) * np.where(side > 20.0, 20.0 + 0.35 * (side - 20.0), side)
    return _Local(vertices, shape.landmarks, shape.superior, shape.inferior, shape.thickness_mm)


def _posture(shapes: list[_Local], rng: np.random.Generator) -> tuple[list[Array], Array]:
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


def _vertebra(shape: _Local, pose: Array, faces: NDArray[np.int32]) -> Vertebra:
    corners = shape.vertices[faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(shape.vertices)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(faces[:, corner], flat[:, axis], minlength=len(normals))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    inner = shape.vertices - normals * shape.thickness_mm[:, None]
    return Vertebra(
        TriangleMesh(frames.apply(pose, shape.vertices), faces),
        TriangleMesh(frames.apply(pose, inner), faces),
        frames.apply(pose, shape.landmarks),
    )
