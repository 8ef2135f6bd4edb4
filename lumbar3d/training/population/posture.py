"""Standing posture: discs, segmental lordosis, pelvis, and the place in the device.

Segmental lordosis of 324 asymptomatic standing adults by pelvic incidence (Sci Rep 2022, s41598-022-21840-x table 2):
upper plate to next upper plate, so that the five values sum to the lordosis L1-S1. Within a person the segments
balance each other: their variances alone would sum to that of the lordosis, and the pelvic incidence adds to it, so
what is left of L5/S1 is correlated negatively with the segments above. A disc's angle is what its segment needs beyond
the body's own wedge; both its mean and its spread follow from those two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.correlations import AGE_SD_YEARS, ALONG_LEVELS, MEAN_AGE_YEARS, PATTERNS
from lumbar3d.training.population.draw import Person
from lumbar3d.training.population.literature import norms

DISC_HEIGHT_MM = np.array([8.3, 9.6, 10.5, 11.2, 10.3])
DISC_HEIGHT_SD_MM = np.array([1.3, 1.4, 1.6, 1.9, 2.1])
"""Middle heights of sound discs L1/2 .. L5/S1 (Zhang 2018 and others)."""
DISC_GROWTH_MM_PER_YEAR = 0.055
"""Sound discs grow with age (Shao 2002)."""
DISC_SIZE_LOAD, DISC_OWN_LOAD = 0.4, 0.6
SEGMENT_DEG = np.array([1.2, 5.9, 9.1, 12.7, 21.6])
SEGMENT_SD_DEG = np.array([3.6, 4.1, 4.2, 5.1, 7.7])
SEGMENT_PER_INCIDENCE = np.array([0.100, 0.144, 0.120, 0.156, 0.096])
"""Degrees of segment per degree of pelvic incidence, from the outer groups of the table (38.3 and 63.3 degrees)."""
SEGMENT_SEX_DEG = np.array([0.4, 0.4, 0.4, 0.4, 0.4])
"""Half of how much more lordotic women's segments are (4 degrees in all)."""
RIM_BEYOND_WEDGE_DEG = np.array([0.5, 0.1, 0.9, 1.4, 0.1])
"""How much more kyphotic a body is by the planes of its rims, on which discs and lordosis are measured, than by its
corners, on which ``sagittal_wedge_deg`` is: mean of thirty drawn people at L1 .. L5."""
LAST_AGAINST_OTHERS = -0.3
"""Correlation of what is left of L5/S1 with what is left of each segment above."""
INCIDENCE_DEG, INCIDENCE_SD_DEG = 50.5, 11.4
INCIDENCE_WITH_LORDOSIS = 0.8
"""Correlation of the incidence with the lordosis factor; gives 0.6 with the lordosis itself."""
SACRAL_SLOPE_DEG, SLOPE_PER_LORDOSIS, SLOPE_OWN_SD_DEG = 41.0, 0.55, 5.5
"""Gives the standing spread of 8.4 degrees (Vialle 2005)."""
FORWARD_MM, FORWARD_SD_MM = -1.5, 1.2
LEFT_SD_MM, CORONAL_SD_DEG, AXIAL_SD_DEG = 1.0, 1.5, 1.5
"""Neutral standing, per segment: the upper body a little behind the plate below."""
YAW_SD_DEG, ROLL_SD_DEG, PLACE_SD_MM, FARTHEST_MM = 4.0, 2.0, 12.0, 30.0
FACTOR_OF_LORDOSIS = "lordosis"


@dataclass(frozen=True)
class Joint:
    """Pose of the plate above in the frame of the plate below.

    Attributes
    ----------
    height_mm : float
        Of the disc in its middle.
    sagittal_deg, coronal_deg, axial_deg : float
        Lordosis (the upper one leans back); left side of the upper one up (the curve is convex to the left); front of
        the upper one turned to the left.
    forward_mm, left_mm : float
        Shift of the upper plate's centre.
    mobility : float
        Part of the usual range of motion; 0 for a fused pair.
    """

    height_mm: float
    sagittal_deg: float
    coronal_deg: float = 0.0
    axial_deg: float = 0.0
    forward_mm: float = FORWARD_MM
    left_mm: float = 0.0
    mobility: float = 1.0

    def pose(self) -> Array:
        """(4, 4) lower plate from upper plate."""
        vector = np.radians([self.coronal_deg, -self.sagittal_deg, self.axial_deg])
        return frames.rigid(
            frames.rotation_from_vector(vector), np.array([self.forward_mm, self.left_mm, self.height_mm])
        )

    def moved(self, **steps: float) -> Joint:
        """The joint with some coordinates changed by ``steps``."""
        return replace(self, **{name: getattr(self, name) + step for name, step in steps.items()})


@dataclass(frozen=True, eq=False)
class Plates:
    """Frames (4, 4) of a vertebra's two endplates in its model frame: z towards the head, x forward."""

    superior: Array
    inferior: Array

    @classmethod
    def of(cls, vertices: Array, model: ShapeModel) -> Plates:
        """Fit the rims of a vertebra (V, 3)."""
        return cls(*(_plate_frame(vertices[model.patches[f"plate_{name}_rim"]]) for name in ("sup", "inf")))


def _plate_frame(rim: Array) -> Array:
    centre = rim.mean(axis=0)
    normal = np.linalg.eigh((rim - centre).T @ (rim - centre))[1][:, 0]
    normal = normal * np.sign(normal[2])
    left = np.cross(normal, [1.0, 0.0, 0.0])
    left /= np.linalg.norm(left)
    return frames.rigid(np.column_stack([np.cross(left, normal), left, normal]), centre)


@dataclass(frozen=True, eq=False)
class Standing:
    """A person's pelvis and discs.

    Attributes
    ----------
    incidence_deg : float
        Pelvic incidence.
    sacral_slope_deg : float
        Of the first sacral plate, forward and down.
    joints : tuple of Joint
        From L1/L2 down to the sacrum.
    """

    incidence_deg: float
    sacral_slope_deg: float
    joints: tuple[Joint, ...]


def stand(person: Person, rng: np.random.Generator) -> Standing:
    """Neutral standing of a person with sound discs."""
    lordosis = person.factors[FACTOR_OF_LORDOSIS]
    own = np.sqrt(1.0 - INCIDENCE_WITH_LORDOSIS**2) * rng.standard_normal()
    incidence = INCIDENCE_DEG + INCIDENCE_SD_DEG * (INCIDENCE_WITH_LORDOSIS * lordosis + own)
    rows = disc_rows(len(person.values))
    angle = _disc_angles(person, rng)[rows]
    height = _disc_heights(person, rng)[rows]
    joints = tuple(
        Joint(
            height_mm=float(height[k]),
            sagittal_deg=float(angle[k]),
            coronal_deg=rng.normal(0.0, CORONAL_SD_DEG),
            axial_deg=rng.normal(0.0, AXIAL_SD_DEG),
            forward_mm=rng.normal(FORWARD_MM, FORWARD_SD_MM),
            left_mm=rng.normal(0.0, LEFT_SD_MM),
        )
        for k in range(len(rows))
    )
    total = sum(angle) - sum(values["sagittal_wedge_deg"] for values in person.values)
    slope = SACRAL_SLOPE_DEG + SLOPE_PER_LORDOSIS * (total - SEGMENT_DEG.sum()) + rng.normal(0.0, SLOPE_OWN_SD_DEG)
    return Standing(incidence, float(slope), joints)


def disc_rows(count: int) -> list[int]:
    """Which of the five discs each disc of a spine of ``count`` vertebrae follows; the last meets the sacrum."""
    return {4: [0, 1, 2, 4], 5: [0, 1, 2, 3, 4], 6: [0, 1, 2, 3, 3, 4]}[count]


def _disc_heights(person: Person, rng: np.random.Generator) -> Array:
    """Middle heights (5,) of sound discs."""
    age = (person.age_years - MEAN_AGE_YEARS) / AGE_SD_YEARS
    aged = DISC_GROWTH_MM_PER_YEAR * AGE_SD_YEARS / DISC_HEIGHT_SD_MM
    shared = rng.standard_normal()
    own = DISC_OWN_LOAD * rng.standard_normal(5)
    left = np.sqrt(1.0 - DISC_SIZE_LOAD**2 - DISC_OWN_LOAD**2)
    standard = DISC_SIZE_LOAD * person.factors["size"] + left * shared + own
    deviation = np.sqrt(1.0 - aged**2) * standard + aged * age
    return np.asarray(DISC_HEIGHT_MM + DISC_HEIGHT_SD_MM * np.clip(deviation, -2.5, 2.5))


def _disc_angles(person: Person, rng: np.random.Generator) -> Array:
    """Angles (5,) of the discs with which the segments have their published means and spreads."""
    factor_part, remainder = disc_spread()
    wedge = np.array([norms()["sagittal_wedge_deg"][level].mean(person.sex) for level in LEVELS])
    mean = SEGMENT_DEG + SEGMENT_SEX_DEG * (1.0 if person.sex == "female" else -1.0) + wedge + RIM_BEYOND_WEDGE_DEG
    free = remainder @ rng.standard_normal(5)
    return np.asarray(mean + factor_part * person.factors[FACTOR_OF_LORDOSIS] + free)


@cache
def disc_spread() -> tuple[Array, Array]:
    """Loading (5,) of each disc angle on the lordosis factor, and a root (5, 5) of the rest's covariance, degrees.

    Segments less the bodies' share: what the wedges vary by themselves is taken off the segments' covariance.
    """
    pattern, wedge_sd = PATTERNS["sagittal_wedge_deg"], norms()["sagittal_wedge_deg"]["L3"].sd
    scale = wedge_sd / pattern.norm
    segment = SEGMENT_PER_INCIDENCE * INCIDENCE_SD_DEG / INCIDENCE_WITH_LORDOSIS
    body = -scale * pattern.factors[FACTOR_OF_LORDOSIS] * np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    own_sd = np.sqrt(SEGMENT_SD_DEG**2 - SEGMENT_SEX_DEG**2 - segment**2)
    correlation = np.eye(5)
    correlation[4, :4] = correlation[:4, 4] = LAST_AGAINST_OTHERS
    level = np.arange(5)
    bodies = pattern.along**2 * ALONG_LEVELS ** np.abs(level[:, None] - level) + pattern.own**2 * np.eye(5)
    bodies[:2, :2] += pattern.factors[FACTOR_OF_LORDOSIS] ** 2
    values, vectors = np.linalg.eigh(correlation * np.outer(own_sd, own_sd) - scale**2 * bodies)
    return segment - body, vectors * np.sqrt(np.maximum(values, 0.0))


def assemble(plates: Sequence[Plates], standing: Standing, place: Array) -> tuple[list[Array], Array]:
    """World poses of the vertebrae and of the sacral plate.

    Parameters
    ----------
    plates : sequence of Plates
        From L1 down.
    standing : Standing
    place : (4, 4) float
        World from the upright person, see ``placement``.
    """
    tilt = frames.rotation_from_vector(np.radians([0.0, standing.sacral_slope_deg, 0.0]))
    below = sacrum = frames.rigid(tilt, np.zeros(3))
    poses: list[Array] = []
    for vertebra, joint in zip(plates[::-1], standing.joints[::-1], strict=True):
        pose = below @ joint.pose() @ frames.invert(vertebra.inferior)
        below = pose @ vertebra.superior
        poses.insert(0, pose)
    centre = frames.rigid(np.eye(3), -np.mean([pose[:3, 3] for pose in poses], axis=0))
    return [place @ centre @ pose for pose in poses], place @ centre @ sacrum


def placement(rng: np.random.Generator) -> Array:
    """Placement in the device: (4, 4) world from the upright person."""
    yaw, roll = rng.normal(0.0, [YAW_SD_DEG, ROLL_SD_DEG])
    turn = frames.rotation_from_vector(np.radians([0.0, 0.0, yaw])) @ frames.rotation_from_vector(
        np.radians([roll, 0.0, 0.0])
    )
    return frames.rigid(turn, np.clip(rng.normal(0.0, PLACE_SD_MM, 3), -FARTHEST_MM, FARTHEST_MM))
