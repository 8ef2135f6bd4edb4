"""Attenuation volumes of a real CT to cast rays through: bone, and soft tissue beyond muscle.

verse012's CT and mask (VerSe, CC BY-SA 4.0; 3 x 1 x 1 mm, 105 mm wide, T10 to L3) stay outside the project.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import nibabel
import numpy as np
from nibabel.spatialimages import SpatialImage
from scipy.ndimage import distance_transform_edt, gaussian_filter

from benchmarks.voxel_film import Volume
from lumbar3d.anatomy import INF_PLATE, PEDICLE_LEFT, PEDICLE_RIGHT, PEDICLES, SUP_PLATE
from lumbar3d.arrays import Array, Image, Mask
from lumbar3d.geometry import frames
from lumbar3d.training.radiographs.spectrum import SOFT_HU, TISSUE_WATER_RATIO

FILES = ("sub-verse012_ct.nii.gz", "sub-verse012_seg-vert_msk.nii.gz")
T10, T11_T12_L1 = 17, (18, 19, 20)
"""Labels of the mask."""
PADDING_HU, AIR_HU, BONE_HU = -1020.0, -300.0, 200.0
"""Bone that has no label (ribs, calcium) is smoothed and then denser than this."""
SMOOTHING_MM = 1.0
FADE_MM = 15.0


@dataclass(frozen=True, eq=False)
class CtBody:
    """Bone and soft tissue of the CT.

    Attributes
    ----------
    soft : Volume
        mm of muscle per mm, beyond the muscle that is there already.
    bone : Volume
        mm of dense bone per mm, from T11 to L3.
    above_l1_mm : (2, 3) float64
        From L1 to T11 and to T12 (centroids), world.
    """

    soft: Volume
    bone: Volume
    above_l1_mm: Array


def read_body(folder: Path, l3_landmarks: Array, world_from_ras: Array) -> CtBody:
    """Attenuation of the CT between the person's own T10 and L4.

    Parameters
    ----------
    folder : Path
        With ``FILES``.
    l3_landmarks : (7, 3) float64
        World.
    world_from_ras : (4, 4) float64
    """
    ct, mask = (cast(SpatialImage, nibabel.load(folder / name)) for name in FILES)
    hounsfield, labels = np.asarray(ct.dataobj, dtype=np.float32), np.asarray(mask.dataobj)
    world_from_voxel = world_from_ras @ ct.affine
    pitch_mm = np.linalg.norm(ct.affine[:3, :3], axis=0)
    smooth = gaussian_filter(hounsfield, SMOOTHING_MM / pitch_mm)
    bone = (labels > 0) | (smooth > BONE_HU)
    t11, t12, l1 = (frames.apply(world_from_voxel, np.argwhere(labels == each).mean(axis=0)) for each in T11_T12_L1)
    places = frames.apply(world_from_voxel, np.moveaxis(np.asarray(np.indices(labels.shape), dtype=float), 0, -1))
    others = (places - (1.5 * t11 - 0.5 * t12)) @ (t11 - t12) > 0.0
    others |= _below(places, l3_landmarks)
    kept = bone & (labels != T10) & ((labels > 0) | ~others)
    share = np.where(kept, TISSUE_WATER_RATIO * (hounsfield - SOFT_HU), 0.0)
    beyond_muscle = np.where(bone, 0.0, (hounsfield - SOFT_HU) / (1000.0 + SOFT_HU))
    soft = beyond_muscle * _fade(hounsfield, smooth, pitch_mm)
    soft_volume, bone_volume = (Volume(part.astype(np.float32), world_from_voxel) for part in (soft, share))
    return CtBody(soft_volume, bone_volume, above_l1_mm=np.stack([t11, t12]) - l1)


def _below(places: Array, landmarks: Array) -> Mask:
    """Under the lower plate of L3, or under the upper one and behind the body: unlabelled bone there is L4."""
    up = landmarks[SUP_PLATE] - landmarks[INF_PLATE]
    height = np.linalg.norm(up)
    above = (places - landmarks[INF_PLATE]) @ (up / height)
    forward = np.cross(landmarks[PEDICLE_LEFT] - landmarks[PEDICLE_RIGHT], up)
    behind = (places - landmarks[PEDICLES].mean(axis=0)) @ forward < 0.0
    return np.asarray((above < 0.0) | ((above < height) & behind))


def _fade(hounsfield: Image, smooth: Image, pitch_mm: Array) -> Image:
    """1 inside the body, falling to 0 within ``FADE_MM`` of the CT's border, its padding and the skin of the back."""
    inside = hounsfield > PADDING_HU
    inside &= np.logical_or.accumulate((smooth > AIR_HU)[:, ::-1], axis=1)[:, ::-1]
    distance_mm = distance_transform_edt(np.pad(inside, 1), sampling=pitch_mm)[1:-1, 1:-1, 1:-1]
    return np.asarray(np.minimum(distance_mm / FADE_MM, 1.0), dtype=np.float32)
