"""Random biplanar rooms on the network's grid: cone beams of the flat-panel class, or fan beams of a slot scanner."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam, Projection
from lumbar3d.geometry.slot_scanner import SlotScanner

GRID_PX = 512
GRID_SPACING_MM = 0.834
"""The network's grid: pixels and their pitch at the detector."""


def draw_room(rng: np.random.Generator, slot: bool = False) -> tuple[Projection, Projection]:
    """AP (or PA) and lateral (from either side) with a common isocentre; nearly perpendicular.

    With ``slot``, two fan beams that travel down together (EOS: 1300 mm from source to detector, 987 and 918 mm to the
    patient), else two cone beams.
    """
    front = 1.0 if rng.random() < 0.75 else -1.0
    left = 1.0 if rng.random() < 0.6 else -1.0
    angle = rng.normal(0.0, 1.5) if rng.random() < 0.85 else rng.normal(0.0, 8.0)
    towards_ap = np.array([front, 0.0, 0.0])
    lat = frames.rotation_from_vector(np.radians([0.0, 0.0, angle])) @ np.array([0.0, left, 0.0])
    if slot:
        pitch_mm = rng.uniform(0.62, GRID_SPACING_MM)
        return _slot(towards_ap, 987.0, pitch_mm, rng), _slot(lat, 918.0, pitch_mm, rng)
    sid = rng.uniform(1000.0, 1800.0)
    sid_lat = sid * rng.uniform(0.95, 1.05)
    return _beam(towards_ap, sid, rng), _beam(lat, sid_lat, rng)


def _slot(towards_source: Array, distance_mm: float, pitch_mm: float, rng: np.random.Generator) -> SlotScanner:
    """A fan beam on the network's grid, with as many mm of patient to a column at the isocentre as to a row."""
    sid = rng.uniform(1270.0, 1330.0)
    source = (distance_mm + rng.normal(0.0, 5.0)) * towards_source + rng.normal(0.0, [5.0, 5.0, 0.0])
    normal, down = -towards_source, np.array([0.0, 0.0, -1.0])
    rotation = np.stack([np.cross(down, normal), down, normal])
    isocentre = rotation @ -source
    columns_mm = pitch_mm * sid / isocentre[2] * rng.uniform(0.97, 1.03)
    focal_px = sid / columns_mm
    centre = (GRID_PX - 1) / 2 + rng.normal(0.0, [12.0, 25.0])
    aim = [isocentre[0] / isocentre[2] * focal_px, isocentre[1] / pitch_mm]
    return SlotScanner(
        camera_from_world=frames.rigid(rotation, -rotation @ source),
        focal_px=focal_px,
        principal_px=centre - aim,
        pixel_spacing_mm=np.array([columns_mm, pitch_mm]),
        rows=GRID_PX,
        columns=GRID_PX,
    )


def miscalibrated(beam: Projection, rng: np.random.Generator) -> Projection:
    """Beam of a slightly wrong calibration: shifted by 2 mm, turned about the room's centre by 0.3 deg (SD)."""
    error = frames.rigid(frames.rotation_from_vector(np.radians(rng.normal(0.0, 0.3, 3))), rng.normal(0.0, 2.0, 3))
    return beam.moved(error)


def _beam(towards_source: Array, sid_mm: float, rng: np.random.Generator) -> ConeBeam:
    """A source on one side, the detector on the other, both slightly off the ideal."""
    sod = sid_mm / rng.uniform(1.12, 1.45)
    source = sod * towards_source + rng.normal(0.0, [8.0, 8.0, 25.0])
    normal = -towards_source
    down = np.array([0.0, 0.0, -1.0])
    rotation = np.stack([np.cross(down, normal), down, normal])
    wobble = frames.rotation_from_vector(np.radians(rng.normal(0.0, [1.0, 1.0, 1.2])))
    rotation = wobble @ rotation
    isocentre = rotation @ -source
    focal_px = sid_mm / GRID_SPACING_MM
    aim = isocentre[:2] / isocentre[2] * focal_px
    centre = (GRID_PX - 1) / 2 + rng.normal(0.0, [12.0, 25.0])
    return ConeBeam(
        camera_from_world=frames.rigid(rotation, -rotation @ source),
        focal_px=np.full(2, focal_px),
        principal_px=centre - aim,
        pixel_spacing_mm=np.full(2, GRID_SPACING_MM),
        rows=GRID_PX,
        columns=GRID_PX,
    )
