"""A real body without its lumbar spine that no training has seen, around a test person's vertebrae.

``trunks/c0532.npz`` of the data folder (CT COLONOGRAPHY, The Cancer Imaging Archive, CC BY 3.0 as stated by public
sources, not read at the archive) stays outside the project. It is laid by a similarity on the person's spine and cast
by the benchmarks' own ray caster; training bends other bodies slice by slice.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.ndimage import label

from benchmarks.subjects import RealSubject
from benchmarks.voxel_film import Volume, cast
from lumbar3d.anatomy import INF_PLATE, SUP_PLATE
from lumbar3d.arrays import Array, Mask
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import Projection
from lumbar3d.training.radiographs.fields import enlarge
from lumbar3d.training.radiographs.spectrum import Matter

BODY = "c0532"
COARSER = 4
"""Film pixels to a ray: the voxels are 2.4 mm."""
GAS_HU, FILLED_HU, BONE_HU, BONE_SPAN_HU = -200.0, 30.0, 90.0, 1600.0


def read_body(data: Path, subject: RealSubject, fill_gas: bool) -> tuple[Volume, Volume]:
    """Soft tissue (mm of muscle per mm) and bone (mm of dense bone per mm) in the person's world."""
    stored = np.load(data / "trunks" / f"{BODY}.npz")
    hounsfield, facts = stored["hu"].astype(np.float32), json.loads(str(stored["meta"]))
    if fill_gas:
        hounsfield = np.where(_inside(hounsfield < GAS_HU), np.float32(FILLED_HU), hounsfield)
    soft = np.maximum(1.0 + np.minimum(hounsfield, BONE_HU) / 1000.0, 0.0)
    bone = np.maximum(hounsfield - BONE_HU, 0.0) / BONE_SPAN_HU
    index = frames.rigid(float(facts["pitch_mm"]) * np.eye(3), np.array(facts["origin_mm"]))
    place = _placed(facts, subject) @ index
    return Volume(soft.astype(np.float32), place), Volume(bone.astype(np.float32), place)


def _inside(gas: Mask) -> Mask:
    """Gas that reaches neither the scan's sides, as the air around the body does, nor its top, as lungs do."""
    numbers, _ = label(gas)
    faces = (numbers[[0, -1]], numbers[:, [0, -1]], numbers[:, :, -1])
    outside = np.unique(np.concatenate([face.ravel() for face in faces]))
    return np.asarray(gas & ~np.isin(numbers, outside))


def _placed(facts: dict[str, dict[str, list[float]]], subject: RealSubject) -> Array:
    """Similarity (4, 4) that lays the discs T12/L1 and L5/S1 on the plates of L1 and L5."""
    top, bottom = (np.array(facts["discs"][name]) for name in ("T12_L1", "L5_S1"))
    upper, lower = subject.landmarks_world["L1"][SUP_PLATE], subject.landmarks_world["L5"][INF_PLATE]
    own, wanted = top - bottom, upper - lower
    scale = np.linalg.norm(wanted) / np.linalg.norm(own)
    axis = np.cross(own, wanted) / (np.linalg.norm(own) * np.linalg.norm(wanted))
    sine = float(np.linalg.norm(axis))
    turn = frames.rotation_from_vector(axis * np.arcsin(min(sine, 1.0)) / max(sine, 1e-12))
    return frames.rigid(scale * turn, lower - scale * turn @ bottom)


def around(body: tuple[Volume, Volume], beam: Projection) -> Matter:
    """Line integrals of the body along the rays of a beam."""
    coarse = beam.downsampled(COARSER)
    # The caster's steps are in mm, its volumes may be scaled: lengths stay those of the world.
    soft, bone = (enlarge(cast(volume, coarse), COARSER) for volume in body)
    return Matter(soft, bone)
